#include "orchestration/files/descriptor.hpp"

#include <unistd.h>

namespace orchestration {

void descriptor::close() noexcept {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

}  // namespace orchestration
