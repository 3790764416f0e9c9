// Opening what lies beneath a directory, and only that: no symlink is followed, no "..", no other mount entered, even
// when somebody swaps directories meanwhile (openat2(2), Linux 5.6; before that one name at a time).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "orchestration/files/descriptor.hpp"

namespace orchestration {

/// `path` relative to `directory`, of any length; "" is the directory itself. An empty descriptor and errno on failure:
/// EXDEV for another mount, ELOOP for a symlink on the way. With O_PATH|O_NOFOLLOW in `flags` a symlink at the end is
/// opened itself. O_CLOEXEC is added.
descriptor open_beneath(int directory, std::string_view path, int flags);

/// "a/b/c" → "a/b" and "c"; "c" → "" and "c".
std::pair<std::string_view, std::string_view> split_path(std::string_view path);

/// The object of an O_PATH descriptor as a path that system calls without a descriptor form accept.
std::string path_of_descriptor(int number);

}  // namespace orchestration
