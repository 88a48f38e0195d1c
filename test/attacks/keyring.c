// Prints the number of the session keyring.
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  // KEYCTL_GET_KEYRING_ID of KEY_SPEC_SESSION_KEYRING, without making one.
  printf("%ld\n", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
  return 0;
}
