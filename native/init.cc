// The init of a new pid namespace: process 1, which starts the program, passes signals on to it, waits for the orphans
// that the kernel gives it, and ends with the program's status.
//
// It cannot go on in the memory it shares with Node, and there is no other file to execute. So this library is also a
// program: executed, as no one else would, it starts here. Nothing has linked it then: there is no C library, no
// relocation and no global data, only system calls.

#if defined(__x86_64__) || defined(__aarch64__)

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/wait.h>
#include <signal.h>

#include <cerrno>
#include <cstdint>

#include "child_report.h"

// As few helpers of the compiler as possible: they would be in libraries.
#if defined(__has_attribute) && __has_attribute(no_stack_protector)
#define NETLACE_BARE __attribute__((no_stack_protector, no_sanitize("address", "undefined")))
#else
#define NETLACE_BARE __attribute__((no_sanitize("address", "undefined")))
#endif

namespace {

constexpr int first_signal = 1;
constexpr int last_signal = 64;

NETLACE_BARE inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
#if defined(__x86_64__)
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  asm volatile("syscall"
               : "=a"(result)
               : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
#else
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#endif
}

template <typename T>
NETLACE_BARE inline long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

NETLACE_BARE int number(const char* text) {
  int value = 0;
  for (; *text >= '0' && *text <= '9'; text++) {
    value = value * 10 + (*text - '0');
  }
  return value;
}

NETLACE_BARE bool is_end(const char* text) {
  return text[0] == '-' && text[1] == '-' && text[2] == 0;
}

NETLACE_BARE void block(uint64_t signals) {
  call(__NR_rt_sigprocmask, SIG_SETMASK, address(&signals), 0, sizeof signals);
}

// The child: the first of the paths that can be executed. What went wrong goes to whoever waits for the start.
[[noreturn]] NETLACE_BARE void execute(char** paths, char** program, char** environment, int report_to, uint32_t step) {
  block(0);
  call(__NR_fcntl, report_to, F_SETFD, FD_CLOEXEC);
  long error = -ENOENT;
  for (bool is_elsewhere = true; is_elsewhere && !is_end(*paths); paths++) {
    long result = call(__NR_execve, address(*paths), address(program), address(environment));
    is_elsewhere = result == -ENOENT || result == -ENOTDIR || result == -EACCES || result == -ESTALE ||
                   result == -ENODEV || result == -ETIMEDOUT;
    // That one is there but may not be run says more than that another is missing.
    if (error != -EACCES || !is_elsewhere) {
      error = result;
    }
  }
  netlace::ChildReport report = {netlace::ChildReport::program_failed, step, static_cast<int32_t>(-error), -1};
  call(__NR_write, report_to, address(&report), sizeof report);
  for (;;) {
    call(__NR_exit_group, 127);
  }
}

// Waits for what has ended. Returns the program's exit status once it has, else -1.
NETLACE_BARE int collect(long program) {
  int result = -1;
  for (;;) {
    int status = 0;
    long ended = call(__NR_wait4, -1, address(&status), WNOHANG | __WALL, 0);
    if (ended <= 0) {
      return result;
    }
    if (ended == program) {
      int signal = status & 0x7f;
      result = signal == 0 ? (status >> 8) & 0xff : 128 + signal;
    }
  }
}

}  // namespace

// `stack`: argc, the arguments, null, the environment. Arguments: a name, the descriptor for a report, what the report
// shall call the step, the paths to try, "--", the program's own arguments.
extern "C" __attribute__((visibility("hidden"), used)) NETLACE_BARE void netlace_init_main(long* stack) {
  long count = stack[0];
  char** arguments = reinterpret_cast<char**>(stack + 1);
  char** environment = arguments + count + 1;
  int report_to = number(arguments[1]);
  uint32_t step = static_cast<uint32_t>(number(arguments[2]));
  char** paths = arguments + 3;
  char** program = paths;
  while (!is_end(*program)) {
    program++;
  }
  program++;
  call(__NR_prctl, PR_SET_NAME, address("init"));
  // Blocked, they are kept until they are taken: a process 1 ignores what it has no handler for.
  uint64_t all = ~static_cast<uint64_t>(0);
  block(all);
  long child = call(__NR_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    execute(paths, program, environment, report_to, step);
  }
  call(__NR_close, report_to);
  for (;;) {
    long signal = call(__NR_rt_sigtimedwait, address(&all), 0, 0, sizeof all);
    if (signal == SIGCHLD) {
      int status = collect(child);
      if (status >= 0) {
        call(__NR_exit_group, status);
      }
    } else if (signal >= first_signal && signal <= last_signal) {
      call(__NR_kill, child, signal);
    }
  }
}

#if defined(__x86_64__)
asm(".text\n"
    ".globl netlace_init\n"
    ".hidden netlace_init\n"
    ".type netlace_init, @function\n"
    "netlace_init:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call netlace_init_main\n"
    "  hlt\n");
#else
asm(".text\n"
    ".globl netlace_init\n"
    ".hidden netlace_init\n"
    ".type netlace_init, %function\n"
    "netlace_init:\n"
    "  mov x29, #0\n"
    "  mov x0, sp\n"
    "  bl netlace_init_main\n"
    "  brk #1\n");
#endif

#endif
