#include <memory>
#include <optional>

#include "convert.h"
#include "instance.h"
#include "lane.h"
#include "netlink_socket_object.h"
#include "new_netns.h"
#include "pinned_exchange.h"
#include "registration.h"

namespace netlace {

namespace {

// A network namespace on its way.
class NetnsCreation : public Lane::Job {
 public:
  NetnsCreation(Napi::Env env, NewNetns operation) : operation_(std::move(operation)), deferred_(env) {}

  Napi::Value promise(Napi::Env env) const { return deferred_.promise(env); }

  bool advance(std::chrono::milliseconds patience) override {
    if (!ran_) {
      result_ = operation_.run_here();
      ran_ = true;
    }
    MadeNetns* made = std::get_if<MadeNetns>(&result_);
    return made == nullptr || advance_exchanges(*made->socket, patience);
  }

  void fail(Failure failure) override { result_ = failure; }

  void resolve(Napi::Env env) override {
    bool made = std::get_if<MadeNetns>(&result_) != nullptr;
    Napi::Value value = convert(env, std::move(result_));
    if (made) {
      add_exchanges(value.As<Napi::Object>());
    }
    deferred_.resolve(env, value);
  }

 protected:
  // Over a socket inside.
  virtual bool advance_exchanges(NetlinkSocket&, std::chrono::milliseconds) { return true; }
  virtual void add_exchanges(Napi::Object) {}

 private:
  NewNetns operation_;
  Deferred deferred_;
  Result<MadeNetns> result_ = Failure{0, ""};
  bool ran_ = false;
};

// A socket that nobody else works on meanwhile. For the JavaScript thread, but for `socket`.
class Loan {
 public:
  explicit Loan(std::shared_ptr<NetlinkSocket> socket) : socket_(std::move(socket)) { socket_->set_taken(true); }
  Loan(Loan&&) = default;
  Loan& operator=(Loan&&) = default;
  ~Loan() {
    if (socket_ != nullptr) {
      socket_->set_taken(false);
    }
  }

  NetlinkSocket& socket() const { return *socket_; }

 private:
  std::shared_ptr<NetlinkSocket> socket_;
};

struct Outside {
  Loan loan;
  PinnedExchange pinned;
};

// One that takes an exchange along, and one that follows over a socket elsewhere, if nothing was refused.
class NetnsCreationWith : public NetnsCreation {
 public:
  NetnsCreationWith(Napi::Env env, NewNetns operation, PinnedExchange inside, std::optional<Outside> outside)
      : NetnsCreation(env, std::move(operation)), inside_(std::move(inside)), outside_(std::move(outside)) {}

 private:
  bool advance_exchanges(NetlinkSocket& socket, std::chrono::milliseconds patience) override {
    if (!inside_done_ && !inside_.exchange.advance(socket, patience)) {
      return false;
    }
    inside_done_ = true;
    if (!outside_ || inside_.exchange.result() < 0 || inside_.exchange.refused()) {
      return true;
    }
    follows_ = true;
    NetlinkSocket& elsewhere = outside_->loan.socket();
    NetlinkSocket::Lease lease(elsewhere);
    return outside_->pinned.exchange.advance(elsewhere, patience);
  }

  void add_exchanges(Napi::Object made) override {
    made.Set("inside", static_cast<double>(inside_.exchange.result()));
    made.Set("outside", static_cast<double>(follows_ ? outside_->pinned.exchange.result() : -ECANCELED));
  }

  PinnedExchange inside_;
  std::optional<Outside> outside_;
  bool inside_done_ = false;
  bool follows_ = false;
};

// Null: there is none, or it is closed or at work.
std::shared_ptr<NetlinkSocket> at_rest(Napi::Value value) {
  NetlinkSocketObject* object = NetlinkSocketObject::from(value);
  if (object == nullptr) {
    return nullptr;
  }
  auto exclusive = object->exclusively();
  auto* socket = std::get_if<std::shared_ptr<NetlinkSocket>>(&exclusive);
  return socket == nullptr ? nullptr : *socket;
}

Napi::Value push(Napi::Env env, std::unique_ptr<NetnsCreation> creation) {
  Napi::Value promise = creation->promise(env);
  Instance::of(env).netns_lanes->push(env, std::move(creation));
  return promise;
}

Napi::Value new_netns(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  NewNetns operation(arguments);
  if (!arguments.valid()) {
    return {};
  }
  return push(info.Env(), std::make_unique<NetnsCreation>(info.Env(), std::move(operation)));
}

Napi::Value new_netns_with(const Napi::CallbackInfo& info) {
  constexpr size_t inside_at = 4;
  constexpr size_t socket_at = 9;
  constexpr size_t outside_at = 10;
  Arguments arguments(info);
  NewNetns operation(arguments);
  PinnedExchange inside(arguments, info, inside_at);
  std::optional<Outside> outside;
  if (info.Length() > socket_at) {
    PinnedExchange pinned(arguments, info, outside_at);
    if (!arguments.valid()) {
      return {};
    }
    std::shared_ptr<NetlinkSocket> socket = at_rest(info[socket_at]);
    if (socket == nullptr) {
      Napi::TypeError::New(info.Env(), "socket: a NetlinkSocket at rest expected").ThrowAsJavaScriptException();
      return {};
    }
    outside.emplace(Outside{Loan(std::move(socket)), std::move(pinned)});
  }
  if (!arguments.valid()) {
    return {};
  }
  return push(info.Env(), std::make_unique<NetnsCreationWith>(info.Env(), std::move(operation), std::move(inside),
                                                              std::move(outside)));
}

}  // namespace

void add_new_netns_calls(Calls& calls, Napi::Object exports) {
  calls.sync.Set("newNetns", Napi::Function::New<call_sync<NewNetns>>(calls.sync.Env(), "newNetns"));
  calls.async.Set("newNetns", Napi::Function::New<new_netns>(calls.async.Env(), "newNetns"));
  exports.Set("newNetnsWith", Napi::Function::New<new_netns_with>(exports.Env(), "newNetnsWith"));
}

}  // namespace netlace
