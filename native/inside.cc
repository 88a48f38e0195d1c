#include "inside.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "birth.h"
#include "launcher/run.h"
#include "reaper.h"
#include "thread.h"

namespace netlace {

namespace {

Performed failed_with(Failure failure) {
  Performed performed;
  performed.failure = failure;
  return performed;
}

// Nobody in a user namespace that is entered may look at the launcher, which has descriptors of this process.
void hide(Program& program) {
  program.add(SYS_prctl, {PR_SET_DUMPABLE, 0, 0, 0, 0});
}

// What entering takes beside what is done inside.
constexpr uint32_t entering_calls = 4;

Performed perform_here_in(int netns, const Writing& writing) {
  Program program(writing.most_calls + entering_calls);
  program.add(SYS_setns, {netns, CLONE_NEWNET});
  writing.write(program);
  Performed performed;
  int error = in_own_thread([&] { performed = perform_here(std::move(program)); });
  return error == 0 ? std::move(performed) : failed_with({error, "pthread_create"});
}

Performed perform_plan(ChildPlan plan) {
  plan.is_launched = true;
  plan.sends = true;
  auto begun = Birth::begin(std::move(plan));
  if (ChildFailure* failure = std::get_if<ChildFailure>(&begun)) {
    return failed_with(failure->failure);
  }
  std::shared_ptr<Birth> birth = *std::get_if<std::shared_ptr<Birth>>(&begun);
  birth->wait(-1);
  Performed performed;
  size_t sent = 0;
  if (const ChildFailure* failure = birth->failure()) {
    performed.failure = failure->stage == ChildFailure::killed  ? Failure{ESRCH, "launcher"}
                        : failure->stage == ChildFailure::write ? Failure{failure->failure.number, "uid_map"}
                                                                : failure->failure;
    performed.step = failure->step;
  } else {
    performed.sent = birth->take_sent();
    sent = performed.sent.size();
    // It has made all its calls, and is about to end.
    reap(birth->take_child());
  }
  performed.program = birth->take_program();
  if (performed.failure.number == 0 && sent < performed.program.count(Pseudo::send)) {
    // There was no number left for one of them.
    performed.failure = {EMFILE, "recvmsg"};
    performed.sent.clear();
  }
  return performed;
}

}  // namespace

Performed perform_here(Program program) {
  program.place_here();
  Launch* block = program.block();
  std::vector<int> sent;
  auto make = [&](const Call& call, const long(&arguments)[6]) -> long {
    if (call.number != Pseudo::send) {
      return make_call(block, call, arguments);
    }
    sent.push_back(static_cast<int>(arguments[0]));
    return 0;
  };
  Outcome outcome = run_all(block, make);
  Performed performed;
  // Owned until they are known to have been closed by the program itself.
  std::vector<UniqueFd> opened(program.size());
  for (uint32_t i = 0; i < program.size(); i++) {
    const Call& call = program.call(i);
    bool is_skipped = call.condition != 0 && program.result((call.condition & ~only_if) - 1u) == program.result(i);
    if (program.opens(i) && program.result(i) >= 0 && !is_skipped) {
      opened[i] = UniqueFd(static_cast<int>(program.result(i)));
    } else if (call.number == SYS_close && call.kinds[0] == Kind::result_of && program.result(i) == 0) {
      opened[static_cast<size_t>(call.arguments[0])].release();
    }
  }
  if (outcome.error != 0) {
    performed.failure = {outcome.error, program.name(outcome.call)};
    performed.step = outcome.call;
  } else {
    for (int fd : sent) {
      for (UniqueFd& own : opened) {
        if (own.get() == fd) {
          performed.sent.push_back(std::move(own));
        }
      }
    }
  }
  performed.program = std::move(program);
  return performed;
}

Performed perform_launched(Program program, std::vector<int> keeps) {
  ChildPlan plan;
  plan.program = std::move(program);
  plan.keeps = std::move(keeps);
  return perform_plan(std::move(plan));
}

Performed perform_inside(int netns, const Writing& writing) {
  if (netns == -1 || is_current_namespace(netns)) {
    Program program(writing.most_calls);
    writing.write(program);
    return perform_here(std::move(program));
  }
  Performed performed = perform_here_in(netns, writing);
  bool refused = performed.failure.number == EPERM && performed.step == 0;
  UniqueFd owner = refused ? owner_of(netns) : UniqueFd();
  if (!owner) {
    return performed;
  }
  Program program(writing.most_calls + entering_calls);
  hide(program);
  program.add(SYS_setns, {owner.get(), CLONE_NEWUSER});
  uint32_t entered = program.add(SYS_setns, {netns, CLONE_NEWNET});
  writing.write(program);
  Performed launched = perform_launched(std::move(program), {owner.get(), netns});
  // What the thread was told says more than that it may not enter the user namespace that it is in.
  bool is_inside = launched.failure.number == 0 || launched.step > entered;
  return is_inside ? std::move(launched) : std::move(performed);
}

Performed perform_as_root(int user, const Writing& writing) {
  Program program(writing.most_calls + entering_calls);
  ChildPlan plan;
  if (user >= 0) {
    hide(program);
    program.add(SYS_setns, {user, CLONE_NEWUSER});
    plan.keeps.push_back(user);
  } else {
    program.add(SYS_unshare, {CLONE_NEWUSER});
    program.add(Pseudo::maps, {});
    plan.writes = {{"setgroups", "deny"},
                   {"uid_map", "0 " + std::to_string(geteuid()) + " 1"},
                   {"gid_map", "0 " + std::to_string(getegid()) + " 1"}};
    hide(program);
  }
  writing.write(program);
  plan.program = std::move(program);
  return perform_plan(std::move(plan));
}

}  // namespace netlace
