#include <napi.h>

#include "descriptor.h"
#include "instance.h"
#include "netlink_socket_object.h"
#include "reader_object.h"
#include "registration.h"

namespace netlace {

// Called once for each environment that loads the addon.
static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  std::shared_ptr<Handover> handover = Handover::make(env);
  if (handover == nullptr) {
    return exports;
  }
  auto* instance = new Instance();
  instance->netns_lanes = std::make_unique<NetnsLanes>(handover);
  instance->handover = std::move(handover);
  instance->descriptor = Napi::Persistent(Descriptor::define(env));
  instance->netlink_socket = Napi::Persistent(NetlinkSocketObject::define(env));
  env.SetInstanceData(instance);

  Calls calls{Napi::Object::New(env), Napi::Object::New(env)};
  add_file_calls(calls);
  add_mount_calls(calls);
  add_namespace_calls(calls, exports);
  add_new_netns_calls(calls, exports);
  add_packet_calls(calls, exports);
  add_pty_calls(exports);
  add_perform_call(calls, exports);
  add_socket_calls(calls);
  add_spawn_calls(calls);
  add_tun_calls(calls, exports);
  exports.Set("sync", calls.sync);
  exports.Set("async", calls.async);
  exports.Set("Reader", ReaderObject::define(env));
  return exports;
}

NODE_API_MODULE(netlace, initialize)

}  // namespace netlace
