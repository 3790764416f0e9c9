#include "orchestration/project/load_model.hpp"

#include <algorithm>
#include <filesystem>

#include "orchestration/project/load.hpp"
#include "orchestration/project/long_form.hpp"
#include "orchestration/project/merge.hpp"
#include "orchestration/project/short_forms.hpp"
#include "orchestration/project/tree_path.hpp"
#include "orchestration/project/validation.hpp"

namespace orchestration {

// What files are read with: an included project has its own.
struct model_loader::scope {
  const std::string& directory;
  const project_environment& environment;
  const chain& included;  // the files whose `include` led here
  /// Files that services of these files extend, as they were read; their own extends are resolved in place.
  std::map<std::string, yaml_node>& bases;
};

namespace {

constexpr model_limits limits;

std::string folder_of(const std::string& file) { return std::filesystem::path(file).parent_path().string(); }

void throw_if_any(std::vector<finding> findings) {
  if (!findings.empty()) throw load_error(std::move(findings));
}

// One text or a list of them.
std::vector<std::string> texts_of(const yaml_node* node) {
  std::vector<std::string> out;
  if (node == nullptr) return out;
  if (node->text() != nullptr) out.push_back(*node->text());
  for (const yaml_node& each : node->items()) out.push_back(each.text_or(""));
  return out;
}

const yaml_node* node_at(const yaml_node* node, std::string_view key) {
  return node == nullptr ? nullptr : node->find(key);
}

}  // namespace

const std::vector<yaml_document>& model_loader::documents(const std::string& file) {
  const auto known = parsed_.find(file);
  if (known != parsed_.end()) return known->second;
  const std::string text = read_text_file(file, yaml_limits().file_size, texts_);
  std::vector<yaml_document> all = parse_yaml(text, file);
  if (all.empty())
    throw load_error({finding{severity::error, place{file, 0, 0}, "", "the file is empty", "Add `services:`"}});
  sizes_[file] = text.size();
  return parsed_.emplace(file, std::move(all)).first->second;
}

const yaml_node* model_loader::find_name(const std::vector<std::string>& files) {
  const yaml_node* name = nullptr;
  for (const std::string& file : files)
    for (const yaml_document& document : documents(file))
      if (const yaml_node* found = document.root.find_set("name"); found != nullptr && !found->text_or("").empty())
        name = found;
  return name;
}

// --- variables ---

void model_loader::note_use(const yaml_node& node, const std::string& path, const variable_use& use,
                            const project_environment& environment) {
  variable_origin origin;
  origin.name = use.name;
  origin.value = use.value;
  if (const environment_variable* known = environment.find(use.name)) {
    origin.source = known->source;
    origin.where = known->where;
  }
  // An empty value counts as none for ${NAME:-default}.
  if (use.default_text) {
    origin.value = use.default_text;
    origin.source = variable_source::default_in_template;
  }
  const auto [known, is_new] = variables_.try_emplace(use.name, origin);
  if (!is_new && known->second.source == variable_source::unset && origin.source != variable_source::unset)
    known->second = origin;
  if (!use.blank_by_accident) return;
  const std::string what = "the variable " + use.name + " is not set and has no default, so it becomes empty";
  const bool told = std::any_of(findings_.begin(), findings_.end(), [&](const finding& f) { return f.what == what; });
  if (!told)
    findings_.push_back({severity::warning, place_of(node.where), path, what,
                         "Set it in the .env file, or write ${" + use.name + ":-default}"});
}

void model_loader::interpolate(yaml_node& root, const project_environment& environment) {
  interpolate_values(root, environment.lookup(),
                     [&](const yaml_node& node, const std::string& path, const variable_use& use) {
                       note_use(node, path, use, environment);
                     });
}

// --- extends ---

void model_loader::apply_extends(yaml_node& root, const std::string& file, const scope& in,
                                 const yaml_document& document) {
  yaml_node* services = root.find("services");
  if (services == nullptr || !services->is_mapping()) return;
  for (std::size_t i = 0; i < services->members().size(); ++i) {
    if (services->members()[i].value.find_set("extends") == nullptr) continue;
    const std::string name = services->members()[i].key;
    chain seen;
    extended(name, *services, file, in, document, seen);
  }
}

// Read once for all services that extend one of it.
yaml_node& model_loader::base_file_at(const std::string& file, const scope& in) {
  const auto known = in.bases.find(file);
  if (known != in.bases.end()) return known->second;
  const std::string directory = folder_of(file);
  yaml_node read = load_on_top({}, file, scope{directory, in.environment, in.included, in.bases}, true);
  make_paths_absolute(read, directory, home_);
  return in.bases.emplace(file, std::move(read)).first->second;
}

// The service with everything it extends underneath; it is put back among `services` as well.
yaml_node model_loader::extended(const std::string& name, yaml_node& services, const std::string& file, const scope& in,
                                 const yaml_document& document, chain& seen) {
  yaml_node own = *services.find(name);
  const yaml_node* extends = own.find_set("extends");
  const yaml_node* base_name = extends != nullptr && extends->is_mapping() ? extends->find_set("service") : extends;
  if (base_name == nullptr || base_name->text() == nullptr) return own;
  const std::string path = "services." + name + ".extends";
  const std::string step = file + " " + name;
  if (std::find(seen.begin(), seen.end(), step) != seen.end())
    fail_at(extends->where, path, "services extend each other in a circle", "Remove one of the extends");
  if (seen.size() >= limits.chain)
    fail_at(extends->where, path, "extends more than " + std::to_string(limits.chain) + " deep");
  seen.push_back(step);

  const yaml_node* base_file = extends->find_set("file");
  yaml_document base_document;
  std::string base_path = file;
  yaml_node* base_services = &services;
  if (base_file != nullptr) {
    base_path = absolute_path(base_file->text_or(""), in.directory, home_);
    if (!is_there(base_path, texts_))
      fail_at(base_file->where, path + ".file", "there is no file " + base_path,
              "Relative paths begin at " + in.directory);
    base_services = base_file_at(base_path, in).find("services");
    base_document.resets = documents(base_path).back().resets;
  }
  if (base_services == nullptr || base_services->find(*base_name->text()) == nullptr)
    fail_at(base_name->where, path, "there is no service \"" + *base_name->text() + "\" in " + base_path,
            "Check the spelling");
  yaml_node base = extended(*base_name->text(), *base_services, base_path, in,
                            base_file == nullptr ? document : base_document, seen);
  if (base.is_null()) return own;

  for (const std::vector<std::string>& reset : document.resets)
    if (reset.size() > 2 && reset[0] == "services" && reset[1] == name)
      erase_at(base, {reset.begin() + 2, reset.end()});
  const tree_path root;
  const tree_path section(root, "services");
  yaml_node both = merged(std::move(base), own, tree_path(section, name));
  both.erase("extends");
  both.where = own.where;
  services.set(name, both);
  return both;
}

// --- include ---

void model_loader::apply_includes(yaml_node& root, const scope& in) {
  const yaml_node* found = root.find_set("include");
  if (found == nullptr) return;
  yaml_node alone = make_node(yaml_node::mapping(), root.where);
  alone.set("include", *found);
  throw_if_any(check_shape(alone));
  for (const yaml_node& each : alone.find("include")->items()) apply_include(root, each, in);
  root.erase("include");
}

void model_loader::apply_include(yaml_node& root, const yaml_node& include, const scope& in) {
  std::vector<std::string> files = texts_of(include.text() != nullptr ? &include : include.find("path"));
  if (files.empty()) fail_at(include.where, "include", "names no file", "Add `path:`");
  for (std::string& file : files) {
    if (file.find("://") != std::string::npos || file.starts_with("git@") || file.starts_with("oci:"))
      fail_at(include.where, "include", "dockupd does not fetch " + file, "Keep a copy beside the compose file");
    file = absolute_path(file, in.directory, home_);
    if (!is_there(file, texts_))
      fail_at(include.where, "include", "there is no file " + file, "Relative paths begin at " + in.directory);
  }
  if (std::find(in.included.begin(), in.included.end(), files.front()) != in.included.end())
    fail_at(include.where, "include", files.front() + " includes itself by way of this file", "Remove this include");
  if (in.included.size() > limits.chain)
    fail_at(include.where, "include", "includes more than " + std::to_string(limits.chain) + " deep");

  const yaml_node* own_directory = node_at(&include, "project_directory");
  const std::string given = own_directory == nullptr ? "" : own_directory->text_or("");
  const std::string directory = given.empty() ? folder_of(files.front()) : absolute_path(given, in.directory, home_);
  std::vector<std::string> env_files = texts_of(node_at(&include, "env_file"));
  for (std::string& file : env_files) file = absolute_path(file, in.directory, home_);
  if (env_files.empty() && std::filesystem::is_regular_file(directory + "/.env")) env_files = {directory + "/.env"};
  project_environment environment = in.environment;
  environment.add_files(env_files);

  std::map<std::string, yaml_node> bases;  // the environment is another one
  yaml_node imported = load(files, scope{directory, environment, in.included, bases});
  for (const std::string_view section : {"services", "volumes", "networks", "secrets", "configs", "models"}) {
    const yaml_node* from = imported.find_set(section);
    if (from == nullptr) continue;
    if (root.find_set(section) == nullptr) root.set(section, make_node(yaml_node::mapping(), from->where));
    yaml_node* to = root.find(section);
    for (const yaml_member& each : from->members()) {
      const yaml_node* mine = to->find(each.key);
      if (mine == nullptr)
        to->members().push_back(each);
      else if (!(*mine == each.value))
        fail_at(mine->where, std::string(section) + "." + each.key,
                "is also defined, and differently, in the included " + to_text(place_of(each.value.where)),
                "Rename one of them");
    }
  }
}

// --- files ---

// `as_base`: the file is only read for a service that another one extends.
yaml_node model_loader::load_on_top(yaml_node model, const std::string& file, const scope& in, bool as_base) {
  const std::vector<yaml_document>& all = documents(file);
  bytes_read_ += sizes_[file];
  if (++files_read_ > limits.files_read || bytes_read_ > limits.bytes_read)
    throw load_error({finding{severity::error, place{file, 0, 0}, "", "too many files are read for one project",
                              "Look for files that extend or include each other"}});
  for (const yaml_document& document : all) {
    yaml_node root = document.root;
    if (!root.is_mapping())
      fail_at(root.where, "", "expected a mapping with `services:`, found " + std::string(root.kind_text()));
    interpolate(root, in.environment);
    if (!as_base) apply_extends(root, file, in, document);
    for (const std::vector<std::string>& reset : document.resets) erase_at(model, reset);
    if (!as_base) {
      chain included = in.included;
      included.push_back(file);
      apply_includes(root, scope{in.directory, in.environment, included, in.bases});
    }
    model = merged(std::move(model), std::move(root), tree_path());
    keep_unique(model, tree_path());
    throw_if_any(check_shape(model));
    model.erase("version");
    make_long(model);
    keep_unique(model, tree_path());
  }
  return model;
}

yaml_node model_loader::load(const std::vector<std::string>& files, const scope& in) {
  yaml_node model;
  for (const std::string& file : files) model = load_on_top(std::move(model), file, in, false);
  add_defaults(model);
  make_paths_absolute(model, in.directory, home_);
  // Names without value are looked up here, where the environment of an included project is still known.
  if (yaml_node* services = model.find("services"); services != nullptr && services->is_mapping())
    for (yaml_member& each : services->members()) {
      yaml_node* listed = each.value.find("environment");
      if (listed == nullptr || !listed->is_sequence()) continue;
      for (yaml_node& entry : listed->items())
        if (const std::optional<std::string> value = in.environment.value(entry.text_or("")))
          entry.value = entry.text_or("") + "=" + *value;
    }
  return model;
}

yaml_node model_loader::load(const std::vector<std::string>& files, const std::string& directory,
                             const project_environment& environment) {
  const chain none;
  std::map<std::string, yaml_node> bases;
  return load(files, scope{directory, environment, none, bases});
}

}  // namespace orchestration
