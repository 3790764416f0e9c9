#include "orchestration/project/normalise.hpp"

#include <filesystem>

#include "orchestration/project/canonical.hpp"
#include "orchestration/project/dotenv.hpp"
#include "orchestration/project/load.hpp"
#include "orchestration/project/quantity.hpp"
#include "orchestration/project/short_forms.hpp"

namespace orchestration {
namespace {

using docker::json;

yaml_node::mapping& section(yaml_node& root, std::string_view name) {
  if (root.find_set(name) == nullptr) root.set(name, make_node(yaml_node::mapping(), root.where));
  return root.find(name)->members();
}

// --- networks and names ---

bool wants_default_network(yaml_node& service) {
  if (service.find("provider") != nullptr || service.find("network_mode") != nullptr) return false;
  yaml_node* networks = service.find("networks");
  if (networks != nullptr && !networks->members().empty()) return networks->find("default") != nullptr;
  yaml_node alone = make_node(yaml_node::mapping(), service.where);
  alone.set("default", make_node({}, service.where));
  service.set("networks", std::move(alone));
  return true;
}

void name_resources(yaml_node& root, std::string_view kind, const std::string& project) {
  yaml_node* all = root.find(kind);
  if (all == nullptr || all->is_null()) return;
  for (yaml_member& each : all->members()) {
    if (each.value.is_null()) each.value.value = yaml_node::mapping();
    if (each.value.find_set("name") != nullptr) continue;
    const yaml_node* external = each.value.find_set("external");
    const bool is_external =
        external != nullptr && parse_bool(value_text(*external)).value_or(value_text(*external) == "1");
    each.value.set("name", make_node(is_external ? each.key : project + "_" + each.key, each.value.where));
  }
}

// --- dependencies that are not written ---

void add_dependency(yaml_node& dependencies, const std::string& service, bool restart) {
  if (dependencies.find(service) != nullptr) return;
  yaml_node each = make_node(yaml_node::mapping(), {});
  each.set("condition", make_node("service_started", {}));
  each.set("restart", make_node(restart, {}));
  each.set("required", make_node(true, {}));
  dependencies.set(service, std::move(each));
}

void add_dependencies(yaml_node& service) {
  const yaml_node* written = service.find_set("depends_on");
  yaml_node all = written == nullptr ? make_node(yaml_node::mapping(), service.where) : *written;
  if (const yaml_node* links = service.find("links"))
    for (const yaml_node& link : links->items()) {
      const std::string text = link.text_or("");
      add_dependency(all, text.substr(0, text.find(':')), true);
    }
  for (const std::string_view attribute : {"network_mode", "ipc", "pid", "uts", "cgroup"}) {
    const yaml_node* value = service.find(attribute);
    const std::string text = value == nullptr ? "" : value->text_or("");
    if (text.starts_with("service:")) add_dependency(all, text.substr(8), true);
  }
  if (const yaml_node* sources = service.find("volumes_from"))
    for (const yaml_node& source : sources->items()) {
      const std::string text = source.text_or("");
      if (!text.starts_with("container:")) add_dependency(all, text.substr(0, text.find(':')), false);
    }
  if (!all.members().empty()) service.set("depends_on", std::move(all));
}

// --- builds: left to others, and shown as compose shows them ---

void complete_build(yaml_node& service, const std::string& directory, const project_environment& environment) {
  yaml_node* build = service.find("build");
  if (build == nullptr || !build->is_mapping()) return;
  if (build->find_set("context") == nullptr) build->set("context", make_node(directory, build->where));
  if (build->find_set("dockerfile") == nullptr && build->find_set("dockerfile_inline") == nullptr)
    build->set("dockerfile", make_node("Dockerfile", build->where));
  const yaml_node* written = build->find_set("args");
  if (written == nullptr) return;
  yaml_node args = make_node(yaml_node::mapping(), written->where);
  const json given = canonical_environment(*written, "build.args");
  for (const auto& [name, value] : given.object_members()) {
    const std::optional<std::string> known = value.is_null() ? environment.value(name) : value.as_string();
    if (known) args.set(name, make_node(*known, written->where));
  }
  build->set("args", std::move(args));
}

// --- env files and label files ---

using values = std::map<std::string, std::string>;

[[noreturn]] void fail_in_file(const std::string& file, const std::string& path, const dotenv_error& error) {
  throw load_error({finding{severity::error, {file, error.line(), 0}, path, error.what(), ""}});
}

struct file_scope {
  const std::string& path;  // of the service
  variable_lookup lookup;
  file_texts& texts;
  values& given_by;  // variable → env file
};

/// Many services have the same env file: it is read once.
const std::string& read_once(const std::string& file, file_texts& texts) {
  const auto known = texts.find(file);
  return known != texts.end() ? known->second
                              : texts.emplace(file, read_text_file(file, env_file_limit, texts)).first->second;
}

void read_env_file(const yaml_node& entry, const file_scope& in, values& out) {
  const yaml_node* path = entry.find("path");
  const std::string file = path == nullptr ? "" : path->text_or("");
  const yaml_node* required = entry.find("required");
  const bool needed = required == nullptr || parse_bool(value_text(*required)).value_or(true);
  if (!is_there(file, in.texts)) {
    if (!needed) return;
    fail_at(path == nullptr ? entry.where : path->where, in.path + ".env_file", "there is no file " + file,
            "Create it, or write `required: false` beside its path");
  }
  const yaml_node* format = entry.find("format");
  const bool raw = format != nullptr && format->text_or("") == "raw";
  if (format != nullptr && !raw && !format->text_or("x").empty())
    fail_at(format->where, in.path + ".env_file", "\"" + value_text(*format) + "\" is no format of env files",
            "Write `format: raw`, or leave it out");
  try {
    const std::string& text = read_once(file, in.texts);
    for (dotenv_variable& each : raw ? parse_raw_env(text, in.lookup) : parse_dotenv(text, in.lookup, out)) {
      in.given_by.insert_or_assign(each.name, file);
      out.insert_or_assign(each.name, std::move(each.value));
    }
  } catch (const dotenv_error& error) {
    fail_in_file(file, in.path + ".env_file", error);
  }
}

values resolve_environment(yaml_node& service, const std::string& path, const project_environment& environment,
                           file_texts& texts) {
  const yaml_node* written = service.find_set("environment");
  json own = written == nullptr ? json::make_object() : canonical_environment(*written, path + ".environment");
  values all;
  for (auto& [name, value] : own.object_members()) {
    if (value.is_null())
      if (const std::optional<std::string> known = environment.value(name)) value = *known;
    if (value.is_string()) all.insert_or_assign(name, value.as_string());
  }
  const values explicit_values = all;
  values given_by;
  const file_scope in{path,
                      [&](const std::string& name) -> std::optional<std::string> {
                        if (const std::optional<std::string> known = environment.value(name)) return known;
                        const auto found = explicit_values.find(name);
                        return found == explicit_values.end() ? std::nullopt : std::optional(found->second);
                      },
                      texts, given_by};
  if (const yaml_node* files = service.find("env_file"))
    for (const yaml_node& each : files->items()) read_env_file(each, in, all);
  yaml_node out = make_node(yaml_node::mapping(), written == nullptr ? service.where : written->where);
  for (const auto& [name, value] : all) out.members().push_back({name, out.where, make_node(value, out.where)});
  // A name without any value beats the env files: the variable is taken away from the container.
  for (const auto& [name, value] : own.object_members()) {
    out.set(name, make_node(value.is_null() ? yaml_node::any() : yaml_node::any(value.as_string()), out.where));
    given_by.erase(name);
  }
  service.erase("env_file");
  service.set("environment", std::move(out));
  return given_by;
}

void resolve_labels(yaml_node& service, const std::string& path, file_texts& texts) {
  const yaml_node* files = service.find_set("label_file");
  if (files == nullptr || files->items().empty()) return;
  values all;
  for (const yaml_node& each : files->items()) {
    const std::string file = each.text_or("");
    if (!is_there(file, texts)) fail_at(each.where, path + ".label_file", "there is no file " + file, "Create it");
    const auto earlier = [&](const std::string& name) {
      const auto found = all.find(name);
      return found == all.end() ? std::nullopt : std::optional(found->second);
    };
    try {
      for (dotenv_variable& label : parse_dotenv(read_once(file, texts), earlier))
        all.insert_or_assign(label.name, std::move(label.value));
    } catch (const dotenv_error& error) {
      fail_in_file(file, path + ".label_file", error);
    }
  }
  if (const yaml_node* written = service.find_set("labels")) {
    const json own = canonical_labels(*written, path + ".labels");
    for (const auto& [name, value] : own.object_members()) all.insert_or_assign(name, value.as_string());
  }
  yaml_node out = make_node(yaml_node::mapping(), service.where);
  for (const auto& [name, value] : all) out.members().push_back({name, out.where, make_node(value, out.where)});
  service.set("labels", std::move(out));
}

}  // namespace

void normalise(yaml_node& root, const std::string& project_name, const std::string& directory,
               const project_environment& environment) {
  bool uses_default = false;
  for (yaml_member& each : section(root, "services")) {
    yaml_node& service = each.value;
    if (wants_default_network(service)) uses_default = true;
    add_dependencies(service);
    if (const yaml_node* scale = service.find_set("scale"))
      if (yaml_node* deploy = service.find("deploy");
          deploy != nullptr && deploy->is_mapping() && !deploy->find_set("replicas"))
        deploy->set("replicas", yaml_node(*scale));
    complete_build(service, directory, environment);
    if (yaml_node* policy = service.find("pull_policy"); policy != nullptr && policy->text_or("") == "if_not_present")
      policy->value = "missing";
    if (yaml_node* volumes = service.find("volumes"); volumes != nullptr && volumes->is_sequence())
      for (yaml_node& mount : volumes->items())
        if (yaml_node* target = mount.find("target")) target->value = clean_path(target->text_or(""));
    if (yaml_node* written = service.find("environment"); written != nullptr && written->is_mapping())
      for (yaml_member& variable : written->members())
        if (variable.value.is_null())
          if (const std::optional<std::string> value = environment.value(variable.key)) variable.value.value = *value;
  }
  if (uses_default && root.find("networks") == nullptr) section(root, "networks");
  if (uses_default && root.find("networks")->find("default") == nullptr)
    root.find("networks")->set("default", make_node({}, root.where));
  for (const std::string_view kind : {"networks", "volumes", "configs", "secrets"})
    name_resources(root, kind, project_name);
}

std::map<std::string, std::string> resolve_files(yaml_node& service, const std::string& path,
                                                 const project_environment& environment, file_texts& texts) {
  values given_by = resolve_environment(service, path, environment, texts);
  resolve_labels(service, path, texts);
  return given_by;
}

}  // namespace orchestration
