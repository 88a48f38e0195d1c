// The launcher: a program of a few kilobytes that carries out a list of system calls, the last of which executes
// another program. It has none of Node's memory, and only the descriptors that the list names. So it can enter a
// container, where a child of Node's own must not.
//
// There is no C library and no relocation. Arguments: a name, the descriptor of the block, the block's size.

#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/wait.h>

#include "clone_call.h"
#include "run.h"

namespace netlace {

namespace {

constexpr long protect_read_write = 3;
// MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE: what is written here is read by Node, and all of it is used.
constexpr long map_shared_fixed = 0x108001;

Launch* const block = reinterpret_cast<Launch*>(launcher_block);

[[noreturn]] void end(int status) {
  for (;;) {
    system_call(__NR_exit_group, status);
  }
}

void say(Report::Kind kind, uint32_t step, int error) {
  Report report = {kind, step, error, 0};
  system_call(__NR_write, block->report, address(&report), sizeof report);
}

// Waits for what has ended, and ends with the program.
void collect(long program, int how) {
  for (;;) {
    int status = 0;
    long ended = system_call(__NR_wait4, -1, address(&status), how | __WALL, 0);
    if (ended <= 0) {
      return;
    }
    if (ended == program) {
      int number = status & 0x7f;
      end(number == 0 ? (status >> 8) & 0xff : 128 + number);
    }
  }
}

// Passes signals on to the program, waits for the orphans that the kernel gives to process 1, and ends with the
// program's status.
[[noreturn]] void be_init(long program) {
  // Whoever may look at the program may look at this: it has no more rights, and no memory but its own.
  if (is_error(system_call(__NR_close_range, 0, 0xffffffff, 0))) {
    // A filter does not know it. Behind the descriptor for reports there is no other one.
    for (long fd = block->report; fd >= 0; fd--) {
      system_call(__NR_close, fd);
    }
  }
  system_call(__NR_munmap, launcher_block, block->size);
  system_call(__NR_prctl, PR_SET_DUMPABLE, 1);
  uint64_t all = ~uint64_t{0};
  for (;;) {
    long signal = system_call(__NR_rt_sigtimedwait, address(&all), 0, 0, sizeof all);
    if (signal == SIGCHLD) {
      collect(program, WNOHANG);
    } else if (signal > 0) {
      system_call(__NR_kill, program, signal);
    } else if (signal != -EINTR && signal != -EAGAIN) {
      // A filter forbids it. No signal is passed on, then.
      collect(program, 0);
    }
  }
}

long make_init() {
  // Before there is a program that may look.
  system_call(__NR_prctl, PR_SET_NAME, address("init"));
  long pid = system_call(__NR_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid > 0) {
    be_init(pid);
  }
  return pid;
}

[[noreturn]] void carry_out(uint32_t begin);

// The child's part of `fork`.
void go_on(void*) {
  results_of(block)[block->at] = 0;
  carry_out(block->at + 1);
}

// With CLONE_VM the child goes on in this memory, which takes a fraction of the time of a copy and its end. So it has a
// stack that this process does not touch any more. Not inlined, so that only a fork has one.
[[gnu::noinline]] long make_fork(long flags, long cgroup) {
  alignas(16) uint8_t stack[16 * 1024];
  // A sibling, so that it is Node's child; what it sends at its end is what this one sends.
  uint64_t arguments[11] = {};
  arguments[0] = static_cast<uint64_t>(flags) | CLONE_PARENT | CLONE_PARENT_SETTID;
  arguments[3] = reinterpret_cast<uint64_t>(&block->born);
  arguments[5] = reinterpret_cast<uint64_t>(stack);
  arguments[6] = sizeof stack;
  if (cgroup >= 0) {
    arguments[0] |= CLONE_INTO_CGROUP;
    arguments[10] = static_cast<uint64_t>(cgroup);
  }
  long pid = clone_call(__NR_clone3, address(arguments), sizeof arguments, 0, go_on, nullptr);
  if (pid == -ENOSYS && cgroup < 0) {
    // Forbidden by a filter that does not know it. clone() takes no signal with CLONE_PARENT.
    pid = clone_call(__NR_clone, static_cast<long>(arguments[0]), address(stack) + static_cast<long>(sizeof stack),
                     address(&block->born), go_on, nullptr);
  }
  if (pid > 0) {
    end(0);
  }
  return pid;
}

long wait_for_maps(uint32_t step) {
  char byte;
  say(Report::maps_wanted, step, 0);
  if (system_call(__NR_read, block->gate, address(&byte), 1) != 1) {
    end(127);
  }
  return 0;
}

// The kernel's structs, which the C library has in other headers.
struct Vector {
  void* base;
  uint64_t length;
};
struct Control {
  uint64_t length;
  int level;
  int type;
  int fd;
  int unused;
};
struct Message {
  void* name;
  int name_length;
  Vector* vectors;
  uint64_t vector_count;
  void* control;
  uint64_t control_length;
  unsigned flags;
};

long send_descriptor(int fd) {
  constexpr int sol_socket = 1;
  constexpr int scm_rights = 1;
  char byte = 0;
  Vector vector = {&byte, 1};
  Control control = {20, sol_socket, scm_rights, fd, 0};
  Message message = {nullptr, 0, &vector, 1, &control, sizeof control, 0};
  return system_call(__NR_sendmsg, block->channel, address(&message), 0);
}

long make(const Call& call, const long (&arguments)[6]) {
  switch (call.number) {
  case fork:
    return make_fork(arguments[0], arguments[1]);
  case maps:
    return wait_for_maps(block->at);
  case init:
    return make_init();
  case send:
    return send_descriptor(static_cast<int>(arguments[0]));
  default:
    return make_call(block, call, arguments);
  }
}

void carry_out(uint32_t begin) {
  Outcome outcome = run_all(block, make, begin);
  if (outcome.error != 0) {
    say(Report::failed, outcome.call, outcome.error);
    end(127);
  }
  end(0);
}

void close_others() {
  auto* keeps = reinterpret_cast<const int32_t*>(launcher_block + block->keeps);
  long from = 0;
  for (uint32_t i = 0; i < block->keep_count; i++) {
    if (keeps[i] > from) {
      system_call(__NR_close_range, from, keeps[i] - 1, 0);
    }
    system_call(__NR_fcntl, keeps[i], F_SETFD, FD_CLOEXEC);
    from = keeps[i] + 1;
  }
  system_call(__NR_close_range, from, 0xffffffff, 0);
}

int number(const char* text) {
  int value = 0;
  for (; *text >= '0' && *text <= '9'; text++) {
    value = value * 10 + (*text - '0');
  }
  return value;
}

}  // namespace

// `stack`: argc and the arguments.
extern "C" [[noreturn]] __attribute__((used)) void launcher_main(long* stack) {
  char** arguments = reinterpret_cast<char**>(stack + 1);
  if (stack[0] < 3 || system_call(__NR_mmap, launcher_block, number(arguments[2]), protect_read_write, map_shared_fixed,
                                  number(arguments[1]), 0) != launcher_block) {
    end(126);
  }
  close_others();
  system_call(__NR_prctl, PR_SET_NAME, address("netlace"));
  reset_signals(block->signals);
  carry_out(0);
}

}  // namespace netlace

#if defined(__x86_64__)
asm(".text\n"
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call launcher_main\n"
    "  hlt\n");
#elif defined(__aarch64__)
asm(".text\n"
    ".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x0, sp\n"
    "  bl launcher_main\n"
    "  brk #1\n");
#endif
