// The variables that a project's files are interpolated with, and where each one's value came from.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/project/interpolation.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

struct environment_variable {
  std::string value;
  variable_source source = variable_source::process_environment;
  place where;  // for env files
};

/// Files that are read as if they held these texts, by their real path: what a pin is going to write.
using file_texts = std::map<std::string, std::string>;

class project_environment {
 public:
  const environment_variable* find(const std::string& name) const;
  /// Absent when not set.
  std::optional<std::string> value(const std::string& name) const;
  std::string value_or(const std::string& name, std::string_view other) const;

  void set(const std::string& name, environment_variable variable);
  void add(const std::string& name, environment_variable variable);  // unless it is set already

  /// Reads env files; what is set already stays, and of several files the last counts. Throws load_error.
  void add_files(const std::vector<std::string>& files);

  variable_lookup lookup() const;  // refers to this object
  /// Called for each variable of an env file that is read from now on, also for those that do not count.
  void listen(variable_observer observer) { observer_ = std::move(observer); }

  void pretend(file_texts texts) { texts_ = std::move(texts); }
  const file_texts& texts() const { return texts_; }

 private:
  file_texts texts_;
  variable_observer observer_;
  std::map<std::string, environment_variable> variables_;
};

/// Whether there is something of that name. Also when that cannot be told, so that reading it says why.
bool is_there(const std::string& file, const file_texts& texts);
/// The text of a file. Throws load_error when it cannot be read, is no regular file, or has more than `limit` bytes.
std::string read_text_file(const std::string& file, std::size_t limit, const file_texts& texts);

/// Env files are read whole and expanded: bounded like compose files.
inline constexpr std::size_t env_file_limit = 1 << 20;

}  // namespace orchestration
