#include "orchestration/project/long_form.hpp"

#include <filesystem>
#include <utility>

#include "orchestration/project/short_forms.hpp"
#include "orchestration/project/tree_path.hpp"

namespace orchestration {
namespace {

void make_long(yaml_node& node, const tree_path& path);

void make_children_long(yaml_node& node, const tree_path& path) {
  if (node.is_mapping())
    for (yaml_member& each : node.members()) make_long(each.value, tree_path(path, each.key));
  if (node.is_sequence())
    for (std::size_t i = 0; i < node.items().size(); ++i) make_long(node.items()[i], tree_path(path, i));
}

void set_missing(yaml_node& node, std::string_view name, yaml_node::any value) {
  if (node.find(name) == nullptr) node.set(name, make_node(std::move(value), node.where));
}

// "x" → {name: "x"}
void wrap(yaml_node& node, std::string_view name) {
  if (node.text() == nullptr) return;
  yaml_node out = make_node(yaml_node::mapping(), node.where);
  out.set(name, std::move(node));
  node = std::move(out);
}

// ["x", "y"] → {x: null, y: null}
void name_members(yaml_node& node) {
  if (!node.is_sequence()) return;
  yaml_node out = make_node(yaml_node::mapping(), node.where);
  for (const yaml_node& name : node.items()) out.set(value_text(name), make_node({}, name.where));
  node = std::move(out);
}

void names(yaml_node& node, const tree_path&) { name_members(node); }

void dependencies(yaml_node& node, const tree_path& path) {
  const bool listed = node.is_sequence();
  name_members(node);
  if (!node.is_mapping()) return;
  for (yaml_member& each : node.members()) {
    if (listed) each.value.value = yaml_node::mapping();
    if (!each.value.is_mapping())
      fail_at(each.value.where, tree_path(path, each.key).text(),
              "expected a mapping, found " + std::string(each.value.kind_text()), "Write `condition: service_started`");
    set_missing(each.value, "condition", "service_started");
    set_missing(each.value, "required", true);
  }
}

void list(yaml_node& node, const tree_path&) {
  if (node.text() == nullptr) return;
  const yaml_mark where = node.where;
  yaml_node::sequence items;
  items.push_back(std::move(node));
  node = make_node(std::move(items), where);
}

void env_files(yaml_node& node, const tree_path& path) {
  list(node, path);
  if (!node.is_sequence()) return;
  for (yaml_node& each : node.items()) {
    wrap(each, "path");
    if (each.is_mapping()) set_missing(each, "required", true);
  }
}

void volume(yaml_node& node, const tree_path& path) {
  if (node.text() == nullptr) return;
  node = parse_volume(node, path.text());
  if (yaml_node* target = node.find("target")) target->value = clean_path(target->text_or(""));
}

void device(yaml_node& node, const tree_path& path) {
  if (node.text() != nullptr) node = parse_device(node, path.text());
}

void file_reference(yaml_node& node, const tree_path&) { wrap(node, "source"); }
void extends(yaml_node& node, const tree_path&) { wrap(node, "service"); }

constexpr std::int64_t most_ports = 65535;

// A range of every port, a few times over, is more than any engine takes: seen before a node is made for each.
void check_port_count(const yaml_node& node, const tree_path& path) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < node.items().size(); ++i) {
    const yaml_node& each = node.items()[i];
    count += each.is_mapping() ? 1 : count_ports(each, tree_path(path, i).text());
    if (count > most_ports)
      fail_at(each.where, path.text(), "more than " + std::to_string(most_ports) + " ports",
              "Use host networking for so many");
  }
}

void ports(yaml_node& node, const tree_path& path) {
  if (!node.is_sequence()) return;
  check_port_count(node, path);
  yaml_node::sequence out;
  for (std::size_t i = 0; i < node.items().size(); ++i) {
    yaml_node& each = node.items()[i];
    if (each.is_mapping())
      out.push_back(std::move(each));
    else
      for (yaml_node& port : parse_ports(each, tree_path(path, i).text())) out.push_back(std::move(port));
  }
  node.items() = std::move(out);
}

void build(yaml_node& node, const tree_path& path) {
  wrap(node, "context");
  make_children_long(node, path);
}

void gpus(yaml_node& node, const tree_path&) {
  if (node.text() == nullptr) return;
  yaml_node all = make_node(yaml_node::mapping(), node.where);
  all.set("count", make_node("all", node.where));
  node.value = yaml_node::sequence{std::move(all)};
}

// external: {name: x} → external: true, name: x
void resource(yaml_node& node, const tree_path& path) {
  make_children_long(node, path);
  yaml_node* external = node.find("external");
  if (external == nullptr || !external->is_mapping()) return;
  const yaml_node* name = external->find("name");
  if (name != nullptr && node.find("name") != nullptr && !(*name == *node.find("name")))
    fail_at(external->where, tree_path(path, "external").text(), "names another one than `name` does",
            "Write `external: true` and `name`");
  if (name != nullptr && node.find("name") == nullptr) {
    node.set("name", *name);
    external = node.find("external");
  }
  external->value = true;
}

// additional_contexts: ["a=b"] → {a: b}
void assignments(yaml_node& node, const tree_path&) {
  if (!node.is_sequence()) return;
  yaml_node out = make_node(yaml_node::mapping(), node.where);
  for (const yaml_node& each : node.items()) {
    const std::string text = value_text(each);
    const std::size_t equals = text.find('=');
    out.set(text.substr(0, equals),
            make_node(equals == std::string::npos ? std::string() : text.substr(equals + 1), each.where));
  }
  node = std::move(out);
}

struct long_form_rule {
  path_pattern pattern;
  void (*rule)(yaml_node& node, const tree_path& path);
};

constexpr long_form_rule long_form_rules[] = {
    {"services.*.build", build},
    {"services.*.build.additional_contexts", assignments},
    {"services.*.build.secrets.*", file_reference},
    {"services.*.configs.*", file_reference},
    {"services.*.depends_on", dependencies},
    {"services.*.develop.watch.*.ignore", list},
    {"services.*.develop.watch.*.include", list},
    {"services.*.devices.*", device},
    {"services.*.dns", list},
    {"services.*.env_file", env_files},
    {"services.*.extends", extends},
    {"services.*.gpus", gpus},
    {"services.*.label_file", list},
    {"services.*.models", names},
    {"services.*.networks", names},
    {"services.*.ports", ports},
    {"services.*.secrets.*", file_reference},
    {"services.*.volumes.*", volume},
    {"volumes.*", resource},
    {"networks.*", resource},
    {"secrets.*", resource},
    {"configs.*", resource},
};

void make_long(yaml_node& node, const tree_path& path) {
  if (const auto rule = rule_for(long_form_rules, path)) return rule(node, path);
  make_children_long(node, path);
}

template <class Visitor>
void for_each_member(yaml_node& root, std::string_view section, Visitor visit) {
  yaml_node* all = root.find(section);
  if (all == nullptr || !all->is_mapping()) return;
  for (yaml_member& each : all->members())
    if (each.value.is_mapping()) visit(each.value);
}

template <class Visitor>
void for_each_item(yaml_node* list_node, Visitor visit) {
  if (list_node == nullptr || !list_node->is_sequence()) return;
  for (yaml_node& each : list_node->items())
    if (each.is_mapping()) visit(each);
}

yaml_node* reserved_devices(yaml_node& service) {
  yaml_node* node = &service;
  for (const std::string_view step : {"deploy", "resources", "reservations", "devices"})
    if (node != nullptr) node = node->find(step);
  return node;
}

void add_service_defaults(yaml_node& service) {
  for_each_item(service.find("secrets"), [](yaml_node& secret) {
    const yaml_node* source = secret.find("source");
    set_missing(secret, "target", "/run/secrets/" + (source == nullptr ? "" : value_text(*source)));
  });
  for_each_item(service.find("ports"), [](yaml_node& port) {
    set_missing(port, "protocol", "tcp");
    set_missing(port, "mode", "ingress");
  });
  for (yaml_node* devices : {service.find("gpus"), reserved_devices(service)})
    for_each_item(devices, [](yaml_node& request) {
      if (request.find("device_ids") == nullptr) set_missing(request, "count", "all");
    });
}

// A path in the host's file system as compose joins it.
struct path_base {
  const std::string& directory;
  const std::string& home;

  void resolve(yaml_node* node) const {
    if (node != nullptr && node->text() != nullptr) node->value = absolute_path(*node->text(), directory, home);
  }
};

// The path with its first symbolic link resolved, as compose does with what it watches.
std::string behind_first_link(const std::string& path) {
  std::filesystem::path so_far;
  const std::filesystem::path whole(path);
  for (auto part = whole.begin(); part != whole.end(); ++part) {
    so_far /= *part;
    std::error_code error;
    if (!std::filesystem::is_symlink(so_far, error)) continue;
    const std::string link = so_far.string();
    std::filesystem::path real = std::filesystem::canonical(so_far, error);
    return error ? path : real.string() + path.substr(link.size());
  }
  return path;
}

// What the builder fetches itself is no path.
bool is_remote_context(std::string_view text) {
  const auto begins = [&](std::string_view prefix) { return text.starts_with(prefix); };
  return text.find("://") != std::string_view::npos || begins("service:") || begins("github.com/") || begins("git@");
}

void make_build_paths_absolute(yaml_node& build, const path_base& base) {
  const auto resolve = [&](yaml_node* node) {
    if (node != nullptr && !is_remote_context(node->text_or(""))) base.resolve(node);
  };
  resolve(build.find("context"));
  if (yaml_node* others = build.find("additional_contexts"); others != nullptr && others->is_mapping())
    for (yaml_member& each : others->members()) resolve(&each.value);
}

void make_service_paths_absolute(yaml_node& service, const std::string& path, const path_base& base) {
  for_each_item(service.find("env_file"), [&](yaml_node& file) { base.resolve(file.find("path")); });
  if (yaml_node* files = service.find("label_file"); files != nullptr && files->is_sequence())
    for (yaml_node& each : files->items()) base.resolve(&each);
  for_each_item(service.find("volumes"), [&](yaml_node& mount) {
    const yaml_node* type = mount.find("type");
    if (type == nullptr || type->text_or("") != "bind") return;
    if (mount.find_set("source") == nullptr)
      fail_at(mount.where, path + ".volumes", "a bind mount without source", "Add `source:` with a path of the host");
    yaml_node* source = mount.find("source");
    base.resolve(source);
    if (source->text() != nullptr && source->text()->empty()) source->value = base.directory;
  });
  if (yaml_node* build = service.find("build")) make_build_paths_absolute(*build, base);
  if (yaml_node* develop = service.find("develop"))
    for_each_item(develop->find("watch"), [&](yaml_node& watch) {
      yaml_node* watched = watch.find("path");
      base.resolve(watched);
      if (watched != nullptr && watched->text() != nullptr) watched->value = behind_first_link(*watched->text());
    });
  if (yaml_node* extended = service.find("extends")) base.resolve(extended->find("file"));
}

bool is_windows_path(std::string_view path) {
  const bool letter = !path.empty() && ((path[0] >= 'a' && path[0] <= 'z') || (path[0] >= 'A' && path[0] <= 'Z'));
  const bool drive = letter && path.size() > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/');
  return drive || path.starts_with("\\\\");
}

}  // namespace

void make_long(yaml_node& root) {
  make_long(root, tree_path());
  // An empty entry comes from a variable that is not set.
  for_each_member(root, "services", [](yaml_node& service) {
    yaml_node* dns = service.find("dns");
    if (dns == nullptr || !dns->is_sequence()) return;
    std::erase_if(dns->items(), [](const yaml_node& each) { return each.is_null() || each.text_or("x").empty(); });
  });
}

void add_defaults(yaml_node& root) { for_each_member(root, "services", add_service_defaults); }

std::string absolute_path(std::string_view path, const std::string& directory, const std::string& home) {
  if (path.empty()) return {};
  if (path.starts_with('~')) {
    path.remove_prefix(1);
    while (path.starts_with('/')) path.remove_prefix(1);
    return clean_path(home + "/" + std::string(path));
  }
  if (path.starts_with('/') || is_windows_path(path)) return std::string(path);
  return clean_path(directory + "/" + std::string(path));
}

void make_paths_absolute(yaml_node& root, const std::string& directory, const std::string& home) {
  const path_base base{directory, home};
  if (yaml_node* services = root.find("services"))
    for (yaml_member& each : services->members())
      if (each.value.is_mapping()) make_service_paths_absolute(each.value, "services." + each.key, base);
  for (const std::string_view section : {"configs", "secrets"})
    for_each_member(root, section, [&](yaml_node& object) { base.resolve(object.find("file")); });
  for_each_member(root, "volumes", [&](yaml_node& volume) {
    const yaml_node* driver = volume.find("driver");
    yaml_node* options = volume.find("driver_opts");
    if (driver == nullptr || driver->text_or("") != "local" || options == nullptr) return;
    const yaml_node* mount_options = options->find("o");
    if (mount_options != nullptr && mount_options->text_or("") == "bind") base.resolve(options->find("device"));
  });
}

}  // namespace orchestration
