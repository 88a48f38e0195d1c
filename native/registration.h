#pragma once

#include <napi.h>

#include "call.h"

namespace netlace {

// Each source of operations adds what it has.
void add_file_calls(Calls& calls);
void add_mount_calls(Calls& calls);
void add_namespace_calls(Calls& calls, Napi::Object exports);
void add_new_netns_calls(Calls& calls, Napi::Object exports);
void add_packet_calls(Calls& calls, Napi::Object exports);
void add_pty_calls(Napi::Object exports);
void add_perform_call(Calls& calls, Napi::Object exports);
void add_socket_calls(Calls& calls);
void add_spawn_calls(Calls& calls);
void add_tun_calls(Calls& calls, Napi::Object exports);

}  // namespace netlace
