// Everything that can be seen of a directory tree, as text that two trees can be compared by.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace orchestration::test {

/// Path (the root is ".") → type, mode, owner, time to the nanosecond, size, hash of the content, where data and holes
/// lie, link target, device, every extended attribute with its value, which other names it has.
std::map<std::string, std::string> picture(const std::filesystem::path& root);

}  // namespace orchestration::test
