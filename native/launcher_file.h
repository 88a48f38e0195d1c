#pragma once

#include "result.h"
#include "unique_fd.h"

namespace netlace {

// A new copy of the launcher in a file without a name, open for reading. No program in a container can change a file of
// the host through /proc/PID/exe, nor the copy that another child is made of.
Result<UniqueFd> make_launcher();

}  // namespace netlace
