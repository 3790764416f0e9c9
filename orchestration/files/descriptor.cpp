#include "orchestration/files/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace orchestration {

void descriptor::close() noexcept {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

descriptor open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  return open_at(AT_FDCWD, path.string(), flags, mode);
}

descriptor open_at(int directory, const std::string& name, int flags, mode_t mode) {
  return descriptor(uninterrupted([&] { return ::openat(directory, name.c_str(), flags | O_CLOEXEC, mode); }));
}

}  // namespace orchestration
