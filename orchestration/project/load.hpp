// Compose files → project. No engine, no network, no process environment: all that counts is in the request.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "orchestration/project/project.hpp"

namespace orchestration {

/// What to make of attributes that compose honours and dockupd cannot: a load_error, or a warning.
enum class unsupported { refused, told };

/// What `docker compose` would have been given. Empty members mean "not given", and compose's own rules for that
/// case apply (file discovery from current_directory upwards, `.env` beside the first file, …).
struct load_request {
  load_request() = default;
  std::filesystem::path current_directory;         // absolute
  std::vector<std::string> files;                  // -f, in order
  std::string project_directory;                   // --project-directory
  std::string project_name;                        // -p
  std::vector<std::string> env_files;              // --env-file
  std::vector<std::string> profiles;               // --profile
  std::vector<std::string> services;               // trailing SERVICE…: switches their profiles on
  std::map<std::string, std::string> environment;  // the process environment, HOME and COMPOSE_* included
  std::map<std::string, std::string> overrides;    // stronger than the environment: what --tag sets
  std::map<std::string, std::string> images;       // service → reference: what --image SVC=REF sets
  std::map<std::string, std::string> texts;        // real path → text: read as if the file held it
  variable_observer on_variable;                   // of env files, as soon as they are read: what is secret, say
  unsupported attributes = unsupported::refused;   // told: for looking at the project only
};

/// The files cannot be loaded. what() is the findings as text, one a line, errors first.
class load_error : public std::runtime_error {
 public:
  explicit load_error(std::vector<finding> findings);
  const std::vector<finding>& findings() const { return findings_; }

 private:
  std::vector<finding> findings_;
};

/// No file was given, and none is in the folder or above it.
class no_compose_file : public load_error {
 public:
  using load_error::load_error;
};

struct loaded {
  project value;
  std::vector<finding> findings;  // notes and warnings; never errors
};

/// Throws load_error when compose would refuse the files, or when they hold something dockupd cannot honour.
loaded load(const load_request& request);

}  // namespace orchestration
