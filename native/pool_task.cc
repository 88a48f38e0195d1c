#include "pool_task.h"

namespace netlace {

namespace {

struct Trip {
  std::unique_ptr<PoolTask> task;
  napi_async_work work = nullptr;
};

void execute(napi_env, void* data) {
  static_cast<Trip*>(data)->task->execute();
}

void complete(napi_env env, napi_status, void* data) {
  std::unique_ptr<Trip> trip(static_cast<Trip*>(data));
  Napi::HandleScope scope(env);
  napi_delete_async_work(env, trip->work);
  trip->task->complete(env);
}

}  // namespace

bool launch(Napi::Env env, std::unique_ptr<PoolTask> task) {
  auto trip = std::make_unique<Trip>();
  trip->task = std::move(task);
  Napi::String name = Napi::String::New(env, "netlace");
  if (napi_create_async_work(env, nullptr, name, execute, complete, trip.get(), &trip->work) != napi_ok) {
    return false;
  }
  if (napi_queue_async_work(env, trip->work) != napi_ok) {
    napi_delete_async_work(env, trip->work);
    return false;
  }
  trip.release();
  return true;
}

bool can_run_javascript(Napi::Env env) {
  // The cheapest call among those that Node-API refuses when JavaScript cannot run.
  bool found = false;
  return napi_has_element(env, env.Global(), 0, &found) == napi_ok;
}

}  // namespace netlace
