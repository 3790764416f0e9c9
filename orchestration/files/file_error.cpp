#include "orchestration/files/file_error.hpp"

#include <cctype>
#include <cerrno>
#include <system_error>

namespace orchestration {
namespace {

std::string reason_of(int error_number) {
  std::string text = std::generic_category().message(error_number);
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])))
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace

file_error::file_error(const std::string& operation, const std::filesystem::path& path, int error_number)
    : file_error(operation, path, error_number, reason_of(error_number)) {}

file_error::file_error(const std::string& operation, const std::filesystem::path& path, int error_number,
                       const std::string& reason)
    : std::runtime_error("cannot " + operation + " " + path.string() + ": " + reason),
      path_(path),
      operation_(operation),
      error_number_(error_number) {}

bool file_error::out_of_space() const { return error_number_ == ENOSPC || error_number_ == EDQUOT; }

}  // namespace orchestration
