// Which project a session is about: by -p, its compose files, the containers' labels, or what dockupd remembers.
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "docker_client/error.hpp"
#include "orchestration/files/durable_file.hpp"
#include "orchestration/project/discovery.hpp"
#include "orchestration/run/observe.hpp"
#include "tools/dockupd/known_projects.hpp"
#include "tools/dockupd/logging.hpp"
#include "tools/dockupd/redaction.hpp"
#include "tools/dockupd/session.hpp"

namespace dockupd {
namespace {

namespace fs = std::filesystem;

constexpr const char* project_label = "com.docker.compose.project";
constexpr const char* directory_label = "com.docker.compose.project.working_dir";
constexpr const char* env_files_label = "com.docker.compose.project.environment_file";

std::vector<std::string> listed_in(const std::string& list) {
  std::vector<std::string> out;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) out.push_back(word);
  return out;
}

void hide_secrets_of(const orchestration::project& p) {
  for (const auto& [name, service] : p.services) hide_secrets_in(service.document);
  for (const auto* objects : {&p.secrets, &p.configs})
    for (const auto& [name, object] : *objects) hide(object.content.value_or(""));
}

/// Of the files that the project is made from, and of their folder.
std::vector<std::string> open_to_everybody(const orchestration::project& p) {
  std::vector<std::string> all = p.config_files;
  all.insert(all.end(), p.env_files.begin(), p.env_files.end());
  all.push_back(p.working_dir.string());
  std::erase_if(all, [](const std::string& file) {
    std::error_code unknown;
    const fs::file_status found = fs::status(file, unknown);
    // In a folder like /tmp nobody takes another one's file away.
    const bool is_sticky = (found.permissions() & fs::perms::sticky_bit) != fs::perms::none;
    return !fs::exists(found) || (found.permissions() & fs::perms::others_write) == fs::perms::none || is_sticky;
  });
  return all;
}

}  // namespace

orchestration::load_request session::load_request() const {
  orchestration::load_request request;
  request.current_directory = fs::current_path();
  request.files = command_.files;
  request.project_directory = command_.project_directory;
  request.project_name = command_.project_name;
  request.env_files = command_.env_files;
  request.profiles = command_.profiles;
  request.services = command_.services;
  request.environment = whole_environment();
  request.on_variable = hide_if_secret;
  if (command_.what == verb::config) request.attributes = orchestration::unsupported::told;
  if (!labelled_) return request;
  request.files = labelled_->files;
  request.project_name = name_;
  if (request.project_directory.empty()) request.project_directory = labelled_->working_dir;
  if (request.env_files.empty()) request.env_files = labelled_->environment;
  return request;
}

bool session::has_files() {
  if (without_files_) return false;
  if (loaded_) return true;
  try {
    project();
    return true;
  } catch (const orchestration::no_compose_file&) {
    if (!command_.project_directory.empty()) throw;
  }
  project_name();
  look_at_containers();
  return !without_files_;
}

/// Files that cannot be read are as good as none; those that can be, but are wrong, are for a person to mend.
void session::look_at_containers() {
  const orchestration::observed_state observed = run(observe(engine(), orchestration::observe_request(name_)));
  for (const orchestration::observed_container& c : observed.containers)
    if (const docker::json* config = c.inspect.find("Config")) hide_secrets_in(*config);
  if (observed.containers.empty()) throw no_project();
  orchestration::labelled_files files = orchestration::files_by_label(observed);
  std::vector<std::string> wanted = files.files;
  wanted.insert(wanted.end(), files.environment.begin(), files.environment.end());
  const auto missing = std::find_if(wanted.begin(), wanted.end(),
                                    [](const std::string& file) { return access(file.c_str(), R_OK) != 0; });
  without_files_ = files.files.empty() || missing != wanted.end();
  std::string list;
  std::string there;
  for (const std::string& file : files.files) {
    list += (list.empty() ? "" : ", ") + file;
    if (access(file.c_str(), F_OK) == 0) there += (there.empty() ? "" : ", ") + file;
  }
  if (without_files_) {
    working_dir_ = files.working_dir;
    if (missing != wanted.end())
      say_once(&say_warning, *missing + " cannot be read, so " + name_ + " is moved as its containers are");
    if (!there.empty()) say_once(&say_warning, "nothing is written to " + there + ": there the old tag still stands");
    return;
  }
  labelled_ = std::move(files);
  say_once(&say_note, "project " + name_ + " is read from " + list + ", as the labels of its containers say");
  project();
}

fatal session::no_project() {
  std::string text = "there is no compose file in " + fs::current_path().string() +
                     " or above it, and no container of a project " + name_ +
                     " on this engine (label com.docker.compose.project). ";
  const bool is_container = run(engine().inspect_container(name_)).has_value();
  if (is_container)
    text += name_ + " is a container of no compose project: dockupd moves projects, not single containers";
  else if (has_state())
    text += "What dockupd has recorded comes back with: dockupd rollback -p " + name_;
  else
    text += "Go to the project's folder, or name the file with -f";
  return fatal(exit_code::usage, text);
}

void session::say_once(void (*how)(const std::string&), const std::string& text) {
  if (said_.insert(text).second) how(text);
}

void session::forget_files() {
  loaded_.reset();
  labelled_.reset();
  without_files_ = false;
}

const orchestration::project& session::project() {
  if (!loaded_) {
    loaded_ = orchestration::load(load_request());
    // config prints with its secrets: only where it says something beside that are they to be known.
    const bool is_config = command_.what == verb::config;
    if (!is_config || !loaded_->findings.empty() || command_.view == config_view::creates)
      hide_secrets_of(loaded_->value);
    for (const orchestration::finding& f : loaded_->findings)
      if (is_config)
        say(to_text(f));
      else if (f.level == orchestration::severity::warning)
        say_once(&say_warning, to_text(f));
    if (!is_config && geteuid() == 0)
      for (const std::string& file : open_to_everybody(loaded_->value))
        say_once(&say_warning, file +
                                   " can be written by everybody on this host, who so decides what the engine runs "
                                   "as root: chmod o-w it");
  }
  return loaded_->value;
}

const orchestration::project* session::project_here(const orchestration::observed_state* observed) {
  std::string known;
  for (const known_project& each : known_projects(state_root()))
    if (each.name == project_name()) known = each.working_dir;
  if (observed != nullptr && are_env_files_open()) {
    std::vector<deployed> containers;
    for (const orchestration::observed_container& c : observed->containers)
      containers.push_back({project_name(), c.inspect.string_at({"Config", "Labels", directory_label}),
                            c.inspect.string_at({"Config", "Labels", env_files_label})});
    take_env_files(containers);
  }
  try {
    const orchestration::project& p = project();
    return p.name == project_name() && (known.empty() || known == p.working_dir) ? &p : nullptr;
  } catch (const orchestration::load_error&) {
    return nullptr;
  }
}

bool session::are_env_files_open() const {
  return command_.env_files.empty() && environment_("COMPOSE_ENV_FILES").value_or("").empty();
}

/// Whether the files here, read with these env files, are those of that project.
bool session::makes_project(const std::string& name, const std::string& env_files) const {
  orchestration::load_request request = load_request();
  request.env_files = listed_in(env_files);
  try {
    return orchestration::load(request).value.name == name;
  } catch (const orchestration::load_error&) {
    return false;  // whoever loads them says what is wrong
  }
}

void session::take_env_files(const std::vector<deployed>& containers) {
  fs::path here;
  try {
    here = orchestration::find_project(load_request()).directory;
  } catch (const orchestration::load_error&) {
    return;  // of what is gone with its folder, has_files() speaks; loading says what is wrong
  }
  std::map<std::string, std::set<std::string>> given;  // project → what it was given; "": nothing
  bool any = false;
  for (const deployed& c : containers) {
    std::error_code unknown;
    if (c.directory != here && !fs::equivalent(c.directory, here, unknown)) continue;
    given[c.project].insert(c.env_files);
    any |= !c.env_files.empty();
  }
  if (!any) return;
  // The env files may name the project, so only what is read with them tells whose they are.
  std::set<std::string> wanted;
  for (const auto& [name, lists] : given)
    for (const std::string& list : lists)
      if (makes_project(name, list)) wanted.insert(list);
  if (wanted.size() != 1 || wanted.begin()->empty()) return;
  command_.env_files = listed_in(*wanted.begin());
  loaded_.reset();
  say_warning("docker compose was run here with --env-file " + *wanted.begin() + ": so is this. To choose: --env-file");
}

void session::take_env_files_of_containers() {
  if (!are_env_files_open()) return;
  std::vector<std::string> labels;
  labels.emplace_back(directory_label);
  std::vector<deployed> containers;
  for (const docker::json& c : run(engine().list_containers(std::move(labels))))
    containers.push_back({c.string_at({"Labels", project_label}), c.string_at({"Labels", directory_label}),
                          c.string_at({"Labels", env_files_label})});
  take_env_files(containers);
}

const std::string& session::project_name() {
  if (name_.empty()) name_ = find_name();
  return name_;
}

std::string session::find_name() {
  if (loaded_) return loaded_->value.name;
  if (!command_.project_name.empty()) return command_.project_name;
  const bool files_given = !command_.files.empty() || !command_.project_directory.empty();
  const std::vector<known_project> known = known_projects(state_root());
  // At 3 a.m. the compose file may be what is broken: a project is known by its directory too, unless several share it.
  const std::string here = fs::current_path().string();
  try {
    return project().name;
  } catch (const orchestration::no_compose_file&) {
    if (files_given) throw;
    if (const auto named = environment_("COMPOSE_PROJECT_NAME"); named && !named->empty()) return *named;
    if (known.empty()) {
      if (const std::string name = name_by_folder(here); !name.empty()) return name;
      throw;
    }
  } catch (const orchestration::load_error&) {
    if (files_given || known.empty()) throw;
  }
  const auto is_here = [&](const known_project& k) { return k.working_dir == here; };
  const auto found = std::find_if(known.begin(), known.end(), is_here);
  if (std::count_if(known.begin(), known.end(), is_here) == 1) return found->name;
  if (const std::string name = name_by_folder(here); !name.empty()) return name;
  if (known.size() == 1) return known.front().name;
  std::string names;
  for (const known_project& k : known)
    names += "\n  -p " + k.name + (k.working_dir.empty() ? "" : "   " + k.working_dir);
  throw fatal(exit_code::usage, "no project here, and dockupd knows several; say which:" + names);
}

/// The only project whose containers say that they were deployed from the folder.
std::string session::name_by_folder(const std::string& folder) {
  std::vector<std::string> labels;
  labels.push_back(directory_label + ("=" + folder));
  std::set<std::string> names;
  try {
    for (const docker::json& c : run(engine().list_containers(std::move(labels))))
      names.insert(c.string_at({"Labels", project_label}));
  } catch (const docker::error&) {
    // Then it is unknown, and what asks the engine next says why.
  }
  return names.size() == 1 ? *names.begin() : std::string();
}

void session::remember_project() {
  docker::json files = docker::json::make_array();
  if (has_files()) files = docker::json::array_of(project().config_files);
  const std::string directory = has_files() ? project().working_dir.string() : working_dir_;
  const docker::json text = docker::json::object({{"working_dir", directory}, {"config_files", std::move(files)}});
  const fs::path file = state_directory() / known_project_file;
  const std::string known = text.to_pretty_text() + "\n";
  // On a full disk the preflight is to say what is needed, with the numbers.
  if (fs::exists(file) && orchestration::read_file(file) == known) return;
  orchestration::write_durably(file, known);
}

/// The project's name without its compose files: -p, else, when nothing that is given chooses another, the only one
/// that is known to be in this folder. Empty: neither.
std::string session::name_by_records() const {
  const std::string& given = command_.project_name;
  if (!given.empty()) return given == orchestration::normal_project_name(given) ? given : std::string();
  for (const char* chooses : {"COMPOSE_PROJECT_NAME", "COMPOSE_FILE", "COMPOSE_ENV_FILES"})
    if (environment_(chooses)) return {};
  if (!command_.files.empty() || !command_.env_files.empty() || !command_.project_directory.empty()) return {};
  fs::path here;
  try {
    here = orchestration::find_project(load_request()).directory;
  } catch (const orchestration::load_error&) {
    return {};
  }
  std::set<std::string> names;
  for (const known_project& each : known_projects(state_root()))
    if (each.working_dir == here) names.insert(each.name);
  return names.size() == 1 ? *names.begin() : std::string();
}

}  // namespace dockupd
