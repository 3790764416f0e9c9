#include "orchestration/project/discovery.hpp"

#include <algorithm>
#include <filesystem>

#include "orchestration/project/quantity.hpp"
#include "orchestration/project/short_forms.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view default_files[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
                                              "docker-compose.yaml"};
constexpr std::string_view override_files[] = {"compose.override.yml", "compose.override.yaml",
                                               "docker-compose.override.yml", "docker-compose.override.yaml"};

[[noreturn]] void fail(std::string what, std::string advice) {
  throw load_error({finding{severity::error, {}, "", std::move(what), std::move(advice)}});
}

std::string absolute(const std::string& path, const load_request& request) {
  return path.starts_with('/') ? clean_path(path) : clean_path(request.current_directory.string() + "/" + path);
}

std::string folder_of(const std::string& file) { return fs::path(file).parent_path().string(); }

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + separator.size());
  }
}

template <class Names>
std::string first_existing(const std::string& directory, const Names& names, const file_texts& texts) {
  for (const std::string_view name : names) {
    std::string file = (fs::path(directory) / name).string();
    if (is_there(file, texts)) return file;
  }
  return {};
}

// In the folder, or the nearest above it that has one.
std::vector<std::string> discovered_files(const std::string& start, const file_texts& texts) {
  for (fs::path folder = start;; folder = folder.parent_path()) {
    const std::string file = first_existing(folder.string(), default_files, texts);
    if (!file.empty()) {
      const std::string on_top = first_existing(folder.string(), override_files, texts);
      return on_top.empty() ? std::vector{file} : std::vector{file, on_top};
    }
    if (folder == folder.parent_path())
      throw no_compose_file({finding{severity::error,
                                     {},
                                     "",
                                     "there is no compose file in " + start + " or above it",
                                     "Go to the project's folder, or name the file with -f"}});
  }
}

project_environment initial_environment(const load_request& request) {
  project_environment out;
  out.listen(request.on_variable);
  out.pretend(request.texts);
  for (const auto& [name, value] : request.overrides) out.add(name, {value, variable_source::override_value, {}});
  for (const auto& [name, value] : request.environment)
    out.add(name, {value, variable_source::process_environment, {}});
  out.add("PWD", {request.current_directory.string(), variable_source::process_environment, {}});
  return out;
}

std::vector<std::string> given_env_files(const load_request& request) {
  std::vector<std::string> out = request.env_files;
  const auto set = request.environment.find("COMPOSE_ENV_FILES");
  if (out.empty() && set != request.environment.end() && !set->second.empty()) out = split(set->second, ",");
  for (std::string& file : out) file = absolute(file, request);
  return out;
}

bool default_env_file_is_off(const load_request& request) {
  const auto set = request.environment.find("COMPOSE_DISABLE_ENV_FILE");
  if (set == request.environment.end()) return false;
  return set->second == "1" || parse_bool(set->second).value_or(false);
}

// The env files of a project in that folder; reads those that were not read yet.
void read_env_files(project_files& project, const load_request& request, const std::string& directory) {
  const std::string usual = directory + "/.env";
  if (project.explicit_env_files) return;
  std::error_code error;
  if (default_env_file_is_off(request) || !is_there(usual, project.environment.texts()) ||
      fs::is_directory(usual, error))
    return;
  if (std::find(project.env_files.begin(), project.env_files.end(), usual) != project.env_files.end()) return;
  project.environment.add_files({usual});
  project.env_files.push_back(usual);
}

// None: they are to be looked for.
std::vector<std::string> given_files(const load_request& request, const project_environment& environment) {
  std::vector<std::string> out = request.files;
  const std::string named = environment.value_or("COMPOSE_FILE", "");
  if (out.empty() && !named.empty()) {
    const std::string separator = environment.value_or("COMPOSE_PATH_SEPARATOR", "");
    out = split(named, separator.empty() ? ":" : separator);
  }
  for (std::string& file : out) {
    if (file == "-") fail("dockupd does not read a compose file from standard input", "Save it to a file");
    file = absolute(file, request);
  }
  return out;
}

}  // namespace

project_files find_project(const load_request& request) {
  project_files out;
  out.environment = initial_environment(request);
  const bool has_directory = !request.project_directory.empty();
  std::string directory = has_directory            ? absolute(request.project_directory, request)
                          : !request.files.empty() ? folder_of(absolute(request.files.front(), request))
                                                   : clean_path(request.current_directory.string());
  out.env_files = given_env_files(request);
  out.explicit_env_files = !out.env_files.empty();
  out.environment.add_files(out.env_files);
  read_env_files(out, request, directory);
  out.files = given_files(request, out.environment);
  if (out.files.empty()) {
    out.files = discovered_files(directory, request.texts);
    out.override_file =
        out.files.size() > 1 ? out.files.back() : folder_of(out.files.front()) + "/compose.override.yaml";
  }
  if (!has_directory) directory = folder_of(out.files.front());
  // The file may have been found in another folder; what is set by now stays.
  read_env_files(out, request, directory);
  out.directory = directory;
  return out;
}

std::vector<std::string> active_profiles(const load_request& request, const project_environment& environment) {
  if (!request.profiles.empty()) return request.profiles;
  std::vector<std::string> out;
  for (const std::string& each : split(environment.value_or("COMPOSE_PROFILES", ""), ",")) {
    // Not set is the profile "": that of `profiles: ["${NOT_SET}"]`.
    const std::size_t begin = std::min(each.find_first_not_of(' '), each.size());
    out.push_back(each.substr(begin, each.find_last_not_of(' ') - begin + 1));
  }
  return out;
}

std::string normal_project_name(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || ((c == '_' || c == '-') && !out.empty());
    if (kept) out += c;
  }
  return out;
}

}  // namespace orchestration
