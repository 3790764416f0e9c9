// What a file operation of ours could not do.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace orchestration {

/// what(): "cannot write /x/y: No space left on device", or the reason in words where errno says too little.
class file_error : public std::runtime_error {
 public:
  /// `operation` is a verb phrase that fits after "cannot": "write", "lock", "keep the owner of".
  file_error(const std::string& operation, const std::filesystem::path& path, int error_number);
  file_error(const std::string& operation, const std::filesystem::path& path, int error_number,
             const std::string& reason);

  const std::filesystem::path& path() const { return path_; }
  const std::string& operation() const { return operation_; }
  int error_number() const { return error_number_; }  // errno; 0: no system call failed
  bool out_of_space() const;                          // ENOSPC or EDQUOT: freeing space may mend it

 private:
  std::filesystem::path path_;
  std::string operation_;
  int error_number_;
};

}  // namespace orchestration
