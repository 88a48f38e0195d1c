// What no program in a container may find: in the host's memory, and in its environment.
#pragma once

// In two parts, so that programs that look for it do not have it themselves.
#define SECRET_BEGIN "NETLACE-HOST-"
#define SECRET_END "SECRET"
