// Alone in its file: a program that brings its own definition does not link this one.
#include "orchestration/files/failpoint.hpp"

namespace orchestration {

void failpoint(std::string_view) {}

}  // namespace orchestration
