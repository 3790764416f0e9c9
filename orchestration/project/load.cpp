#include "orchestration/project/load.hpp"

#include <algorithm>
#include <set>

#include "orchestration/project/canonical.hpp"
#include "orchestration/project/dependency_order.hpp"
#include "orchestration/project/discovery.hpp"
#include "orchestration/project/load_model.hpp"
#include "orchestration/project/normalise.hpp"
#include "orchestration/project/service_values.hpp"
#include "orchestration/project/validation.hpp"

namespace orchestration {
namespace {

std::string findings_text(const std::vector<finding>& findings) {
  std::string out;
  for (const finding& each : findings) out += (out.empty() ? "" : "\n") + to_text(each);
  return out;
}

std::vector<finding> errors_first(std::vector<finding> findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const finding& a, const finding& b) {
    return (a.level == severity::error) > (b.level == severity::error);
  });
  return findings;
}

// Shorter to read, and what an editor started from the same folder can open.
void shorten_places(std::vector<finding>& findings, const std::filesystem::path& current_directory) {
  const std::string folder = current_directory.string() + "/";
  for (finding& each : findings)
    if (each.where.file.starts_with(folder)) each.where.file.erase(0, folder.size());
}

class project_loader {
 public:
  explicit project_loader(const load_request& request) : request_(request) {}
  std::vector<finding> findings;
  project value;

  void load();

 private:
  void name_project(model_loader& loader);
  void set_images();
  std::set<std::string> services_that_are_on();
  void fill(const std::set<std::string>& on);
  void fill_resources();
  [[noreturn]] void refuse_cycle(const dependency_cycle& cycle) const;
  void read_content(file_object& object) const;
  void add(std::vector<finding> more) { findings.insert(findings.end(), more.begin(), more.end()); }
  void throw_if_errors() {
    const auto is_error = [](const finding& f) { return f.level == severity::error; };
    if (std::any_of(findings.begin(), findings.end(), is_error)) throw load_error(std::move(findings));
  }

  const load_request& request_;
  project_files files_;
  yaml_node model_;
};

void project_loader::name_project(model_loader& loader) {
  std::string given = request_.project_name;
  std::string where = "-p";
  if (given.empty()) {
    given = files_.environment.value_or("COMPOSE_PROJECT_NAME", "");
    where = "COMPOSE_PROJECT_NAME";
  }
  if (!given.empty()) {
    const std::string normal = normal_project_name(given);
    if (normal != given)
      throw load_error({finding{severity::error,
                                {},
                                "",
                                "\"" + given + "\", given by " + where + ", is no project name",
                                normal.empty() ? "Use lower case letters, digits, - and _" : "Use " + normal}});
    value.name = given;
  } else if (const yaml_node* name = loader.find_name(files_.files)) {
    try {
      const std::string text = interpolate(name->text_or(""), files_.environment.lookup());
      value.name = normal_project_name(text);
      if (value.name.empty())
        fail_at(name->where, "name", "\"" + text + "\" is no project name", "Use lower case letters, digits, - and _");
    } catch (const interpolation_error& error) {
      fail_at(name->where, "name", error.what(), error.advice());
    }
  } else {
    value.name = normal_project_name(std::filesystem::path(files_.directory).filename().string());
  }
  if (value.name.empty())
    throw load_error(
        {finding{severity::error, {}, "", "the project has no name", "Give one with -p, or `name:` in the file"}});
  files_.environment.set("COMPOSE_PROJECT_NAME", {value.name, variable_source::process_environment, {}});
}

void project_loader::set_images() {
  const yaml_node none;
  yaml_node* services = model_.find("services");
  for (const auto& [name, image] : request_.images) {
    yaml_node* service = services == nullptr ? nullptr : services->find(name);
    if (service == nullptr)
      throw load_error(
          {finding{severity::error, {}, "", "there is no service \"" + name + "\" to set the image of", ""}});
    yaml_node node = make_node(image, service->where);
    // As written in the file, which is what has to be changed for good.
    if (const yaml_node* old = service->find_set("image")) {
      node.where = old->where;
      node.written = old->written.empty() ? old->text_or("") : old->written;
    }
    service->set("image", std::move(node));
  }
}

std::set<std::string> project_loader::services_that_are_on() {
  std::vector<std::string> profiles = active_profiles(request_, files_.environment);
  const yaml_node::mapping& all = model_.find("services")->members();
  const auto profiles_of = [](const yaml_node& service) {
    std::vector<std::string> out;
    if (const yaml_node* listed = service.find("profiles"))
      for (const yaml_node& each : listed->items()) out.push_back(value_text(each));
    return out;
  };
  for (const std::string& name : request_.services) {
    const auto named = std::find_if(all.begin(), all.end(), [&](const yaml_member& each) { return each.key == name; });
    if (named == all.end()) {
      std::vector<std::string_view> names;
      for (const yaml_member& each : all) names.push_back(each.key);
      const std::string meant = nearest_word(name, names);
      throw load_error({finding{severity::error,
                                {},
                                "",
                                "there is no service \"" + name + "\"",
                                meant.empty() ? "" : "Did you mean " + meant + "?"}});
    }
    for (std::string& profile : profiles_of(named->value)) profiles.push_back(std::move(profile));
  }
  const bool every = std::find(profiles.begin(), profiles.end(), "*") != profiles.end();
  std::set<std::string> on;
  for (const yaml_member& each : all) {
    const std::vector<std::string> wanted = profiles_of(each.value);
    const bool matches = std::any_of(wanted.begin(), wanted.end(), [&](const std::string& profile) {
      return std::find(profiles.begin(), profiles.end(), profile) != profiles.end();
    });
    if (wanted.empty() || every || matches)
      on.insert(each.key);
    else
      value.disabled.push_back(each.key);
  }
  std::sort(value.disabled.begin(), value.disabled.end());
  return on;
}

void project_loader::read_content(file_object& object) const {
  if (const docker::json* content = object.document.find("content"))
    object.content = content->as_string();
  else if (const docker::json* variable = object.document.find("environment"))
    object.content = files_.environment.value(variable->as_string());
}

// All are read, so that a mistake is found; what the services that are on use is kept, as compose makes nothing else.
void project_loader::fill_resources() {
  const auto each_of = [&](const char* section, const auto& visit) {
    if (const yaml_node* all = model_.find(section))
      for (const yaml_member& each : all->members()) visit(each.key, each.value);
  };
  const used_resources used = resources_of(value.services);
  each_of("networks", [&](const std::string& key, const yaml_node& node) {
    network made = make_network(key, node);
    if (used.networks.contains(key)) value.networks.emplace(key, std::move(made));
  });
  each_of("volumes", [&](const std::string& key, const yaml_node& node) {
    volume made = make_volume(key, node);
    if (used.volumes.contains(key)) value.volumes.emplace(key, std::move(made));
  });
  for (const std::string section : {"secrets", "configs"})
    each_of(section.c_str(), [&](const std::string& key, const yaml_node& node) {
      file_object made = make_file_object(section, key, node);
      read_content(made);
      const bool secret = section == "secrets";
      if ((secret ? used.secrets : used.configs).contains(key))
        (secret ? value.secrets : value.configs).emplace(key, std::move(made));
    });
}

void project_loader::refuse_cycle(const dependency_cycle& cycle) const {
  const std::string& name = cycle.cycle().front();
  const yaml_node* service = model_.find("services")->find(name);
  const yaml_node* dependencies = service->find("depends_on");
  const yaml_node* written = dependencies == nullptr ? nullptr : dependencies->find(cycle.cycle().at(1));
  const bool in_file = written != nullptr && written->where.line != 0;  // others come from links and the like
  fail_at(in_file ? written->where : service->where, "services." + name, cycle.what(),
          "Remove one of the dependencies");
}

void project_loader::fill(const std::set<std::string>& on) {
  file_texts texts = files_.environment.texts();
  for (yaml_member& each : model_.find("services")->members()) {
    if (!on.contains(each.key)) continue;
    std::map<std::string, std::string> from =
        resolve_files(each.value, "services." + each.key, files_.environment, texts);
    service& made = value.services[each.key] = make_service(each.key, each.value, value.name);
    made.from_env_files = std::move(from);
  }
  fill_resources();
  for (const yaml_member& each : model_.members())
    if (each.key.starts_with("x-")) value.extensions[each.key] = canonical_extension(each.value, each.key);
  sort_members(value.extensions);
  try {
    start_order(value);
  } catch (const dependency_cycle& cycle) {
    refuse_cycle(cycle);
  }
}

void project_loader::load() {
  files_ = find_project(request_);
  value.working_dir = files_.directory;
  value.config_files = files_.files;
  value.override_file = files_.override_file;
  value.env_files = files_.env_files;
  value.explicit_env_files = files_.explicit_env_files;
  model_loader loader(files_.environment.value_or("HOME", ""), request_.texts, value.variables, findings);
  name_project(loader);
  model_ = loader.load(files_.files, files_.directory, files_.environment);
  if (const yaml_node* services = model_.find("services"); services == nullptr || services->members().empty())
    throw load_error(
        {finding{severity::error, place{files_.files.front(), 0, 0}, "", "defines no services", "Add `services:`"}});
  set_images();
  normalise(model_, value.name, files_.directory, files_.environment);
  const std::set<std::string> on = services_that_are_on();
  add(check_consistency(model_, on));
  std::vector<finding> support = check_support(model_, on);
  if (request_.attributes == unsupported::told)
    for (finding& each : support) each.level = std::min(each.level, severity::warning);
  add(std::move(support));
  throw_if_errors();
  fill(on);
}

}  // namespace

load_error::load_error(std::vector<finding> findings)
    : std::runtime_error(findings_text(errors_first(findings))), findings_(errors_first(std::move(findings))) {}

loaded load(const load_request& request) {
  project_loader loader(request);
  try {
    loader.load();
  } catch (const no_compose_file&) {
    throw;
  } catch (const load_error& error) {
    std::vector<finding> findings = error.findings();
    shorten_places(findings, request.current_directory);
    throw load_error(std::move(findings));
  }
  shorten_places(loader.findings, request.current_directory);
  return {std::move(loader.value), std::move(loader.findings)};
}

}  // namespace orchestration
