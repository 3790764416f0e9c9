// What contradicts itself, by the checks of compose-go's loader, and what dockupd cannot do as written.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <span>

#include "orchestration/project/quantity.hpp"
#include "orchestration/project/short_forms.hpp"
#include "orchestration/project/validation.hpp"

namespace orchestration {
namespace {

const yaml_node& section(const yaml_node& root, std::string_view name) {
  static const yaml_node none;
  const yaml_node* found = root.find(name);
  return found == nullptr ? none : *found;
}

const yaml_node* descend(const yaml_node& from, std::initializer_list<std::string_view> names) {
  const yaml_node* node = &from;
  for (const std::string_view name : names)
    if (node != nullptr) node = node->find_set(name);
  return node;
}

std::vector<std::string_view> keys_of(const yaml_node& mapping) {
  std::vector<std::string_view> out;
  for (const yaml_member& each : mapping.members()) out.push_back(each.key);
  return out;
}

// The engine's rule.
bool is_container_name(std::string_view text) {
  static constexpr std::string_view all = "_.-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return text.size() > 1 && all.find(text.front()) > 2 && text.find_first_not_of(all) == std::string_view::npos;
}

bool is_pull_policy(std::string_view text) {
  static constexpr std::string_view known[] = {"always",  "never",   "build", "if_not_present",
                                               "missing", "refresh", "daily", "weekly"};
  const bool periodic = text.starts_with("every_") && parse_duration(text.substr(6)).value_or(0) > 0;
  return periodic || std::find(std::begin(known), std::end(known), text) != std::end(known);
}

// In bytes, or as a number; 0 when it is absent or cannot be read, which is another check's to say.
double size_of(const yaml_node* node) {
  if (node == nullptr) return 0;
  const std::string text = value_text(*node);
  if (const std::optional<double> number = parse_real(text)) return static_cast<float>(*number);
  return static_cast<float>(parse_size(text).value_or(0));
}

bool is_true(const yaml_node* node) { return node != nullptr && parse_bool(value_text(*node)).value_or(false); }

class checker {
 public:
  checker(const yaml_node& root, const std::set<std::string>& on) : root_(root), on_(on) {}
  std::vector<finding> findings;

  void check() {
    for (const yaml_member& each : section(root_, "services").members())
      if (on_.contains(each.key)) check_service(each.key, each.value);
    for (const yaml_member& each : section(root_, "volumes").members()) check_external("volumes", each);
    for (const std::string_view kind : {"secrets", "configs"})
      for (const yaml_member& each : section(root_, kind).members()) check_file_object(kind, each);
  }

 private:
  void add(const yaml_node& at, const std::string& path, std::string what, std::string advice = {}) {
    findings.push_back({severity::error, place_of(at.where), path, std::move(what), std::move(advice)});
  }

  void check_service(const std::string& name, const yaml_node& s) {
    const std::string path = "services." + name;
    if (!s.find_set("image") && !s.find_set("build") && !s.find_set("provider"))
      add(s, path, "has neither image nor build", "Add `image:`");
    if (const yaml_node* image = s.find_set("image"); image != nullptr && image->text_or("x").empty())
      add(*image, path + ".image", "is empty", "Set the variables that it is made of");
    if (s.find_set("network_mode") && !section(s, "networks").members().empty())
      add(*s.find("networks"), path + ".networks", "networks and network_mode exclude each other",
          "Remove one of them");
    if (const yaml_node* policy = s.find_set("pull_policy"); policy != nullptr && !is_pull_policy(value_text(*policy)))
      add(*policy, path + ".pull_policy", "\"" + value_text(*policy) + "\" is not known",
          "Use always, missing, never, build, daily, weekly or every_12h");
    check_references(s, path);
    check_build_and_models(s, path);
    check_device_requests(s, path);
    check_mount_targets(s, path);
    check_watches(s, path);
    check_dependencies(s, path);
    check_health_check(s, path);
    check_amounts(s, path);
    check_limits(s, path);
    if (descend(s, {"build", "dockerfile"}) != nullptr && descend(s, {"build", "dockerfile_inline"}) != nullptr)
      add(*s.find("build"), path + ".build", "has both a dockerfile and dockerfile_inline", "Keep one of them");
    check_container_name(name, s, path);
  }

  void check_reference(const yaml_node& at, const std::string& path, std::string_view kind, const std::string& key) {
    const yaml_node& all = section(root_, kind);
    if (all.find(key) != nullptr) return;
    const std::string meant = nearest_word(key, keys_of(all));
    add(at, path, "\"" + key + "\" is not defined under the top-level " + std::string(kind),
        meant.empty() ? "Define it there" : "Did you mean " + meant + "?");
  }

  void check_references(const yaml_node& s, const std::string& path) {
    for (const yaml_member& each : section(s, "networks").members())
      check_reference(each.value, path + ".networks." + each.key, "networks", each.key);
    const auto& volumes = section(s, "volumes").items();
    for (std::size_t i = 0; i < volumes.size(); ++i) {
      const yaml_node* source = volumes[i].find_set("source");
      const yaml_node* type = volumes[i].find("type");
      const bool named = type != nullptr && type->text_or("") == "volume" && source != nullptr;
      const std::string at = path + ".volumes[" + std::to_string(i) + "]";
      if (named && !value_text(*source).empty()) check_reference(volumes[i], at, "volumes", value_text(*source));
      if (volumes[i].find_set("target") == nullptr || volumes[i].find("target")->text_or("").empty())
        add(volumes[i], at, "has no target", "Add the path in the container");
    }
    for (const std::string_view kind : {"secrets", "configs"}) {
      const auto& items = section(s, kind).items();
      for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string at = path + "." + std::string(kind) + "[" + std::to_string(i) + "]";
        if (const yaml_node* source = items[i].find_set("source"))
          check_reference(items[i], at, kind, value_text(*source));
        else
          add(items[i], at, "has no source", "Name one of the top-level " + std::string(kind));
      }
    }
    const auto& ports = section(s, "ports").items();
    for (std::size_t i = 0; i < ports.size(); ++i) check_port(ports[i], path + ".ports[" + std::to_string(i) + "]");
  }

  void check_port(const yaml_node& port, const std::string& path) {
    if (size_of(port.find_set("target")) == 0) add(port, path, "has no target", "Add the port in the container");
    const yaml_node* ip = port.find_set("host_ip");
    if (ip != nullptr && !is_ip_address(value_text(*ip)))
      add(*ip, path + ".host_ip", "\"" + value_text(*ip) + "\" is no address", "Write it like 127.0.0.1 or ::1");
  }

  void check_build_and_models(const yaml_node& s, const std::string& path) {
    if (const yaml_node* secrets = descend(s, {"build", "secrets"}))
      for (std::size_t i = 0; i < secrets->items().size(); ++i)
        if (const yaml_node* source = secrets->items()[i].find_set("source"))
          check_reference(*source, path + ".build.secrets[" + std::to_string(i) + "]", "secrets", value_text(*source));
    for (const yaml_member& each : section(s, "models").members())
      check_reference(each.value, path + ".models." + each.key, "models", each.key);
  }

  void check_device_requests(const yaml_node& s, const std::string& path) {
    struct list {
      const yaml_node* items;
      std::string_view path;
    };
    for (const list& each :
         {list{s.find_set("gpus"), ".gpus"}, list{descend(s, {"deploy", "resources", "reservations", "devices"}),
                                                  ".deploy.resources.reservations.devices"}})
      for (std::size_t i = 0; each.items != nullptr && i < each.items->items().size(); ++i) {
        const yaml_node& request = each.items->items()[i];
        if (request.find_set("count") != nullptr && request.find_set("device_ids") != nullptr)
          add(request, path + std::string(each.path) + "[" + std::to_string(i) + "]",
              "count and device_ids exclude each other", "Keep one of them");
      }
  }

  void check_dependency(const yaml_node& at, const std::string& path, const std::string& service) {
    if (on_.contains(service)) return;
    const yaml_node& all = section(root_, "services");
    if (all.find(service) != nullptr)
      return add(at, path, "\"" + service + "\" is switched off by its profiles",
                 "Give its profile, or write `required: false`");
    const std::string meant = nearest_word(service, keys_of(all));
    add(at, path, "there is no service \"" + service + "\"", meant.empty() ? "" : "Did you mean " + meant + "?");
  }

  void check_dependencies(const yaml_node& s, const std::string& path) {
    for (const yaml_member& each : section(s, "depends_on").members()) {
      const yaml_node* required = each.value.find("required");
      const bool optional = required != nullptr && !is_true(required);
      const bool exists = section(root_, "services").find(each.key) != nullptr;
      const bool written = each.value.where.line != 0;  // others come from what is checked below
      if (written && !(optional && exists)) check_dependency(each.value, path + ".depends_on." + each.key, each.key);
    }
    for (const std::string_view attribute : {"network_mode", "ipc", "pid", "uts", "cgroup"}) {
      const yaml_node* value = s.find(attribute);
      const std::string text = value == nullptr ? "" : value->text_or("");
      if (text.starts_with("service:")) check_dependency(*value, path + "." + std::string(attribute), text.substr(8));
    }
    for (const std::string attribute : {"links", "volumes_from"}) {
      const auto& items = section(s, attribute).items();
      for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string text = items[i].text_or("");
        const bool foreign = attribute == "volumes_from" && text.starts_with("container:");
        if (!foreign)
          check_dependency(items[i], path + "." + attribute + "[" + std::to_string(i) + "]",
                           text.substr(0, text.find(':')));
      }
    }
  }

  void check_health_check(const yaml_node& s, const std::string& path) {
    const yaml_node* test = descend(s, {"healthcheck", "test"});
    if (test == nullptr || !test->is_sequence() || test->items().empty()) return;
    const std::string first = value_text(test->items().front());
    if (first != "NONE" && first != "CMD" && first != "CMD-SHELL")
      add(*test, path + ".healthcheck.test", "the list begins with \"" + first + "\"",
          "Begin it with CMD, CMD-SHELL or NONE");
  }

  // Only as they are written: "/data" and "/data/" of a tmpfs are two.
  void check_mount_targets(const yaml_node& s, const std::string& path) {
    std::map<std::string, std::string> taken;
    const auto take = [&](const yaml_node& at, std::string_view list, std::size_t index, const std::string& target) {
      const std::string here = std::string(list) + "[" + std::to_string(index) + "]";
      const auto [first, is_new] = taken.try_emplace(target, here);
      if (!is_new)
        add(at, path + "." + here, target + " is already mounted by " + first->second, "Mount one thing there");
    };
    const yaml_node& tmpfs = section(s, "tmpfs");
    if (tmpfs.text() != nullptr) take(tmpfs, "tmpfs", 0, tmpfs.text()->substr(0, tmpfs.text()->find(':')));
    for (std::size_t i = 0; i < tmpfs.items().size(); ++i) {
      const std::string text = value_text(tmpfs.items()[i]);
      take(tmpfs.items()[i], "tmpfs", i, text.substr(0, text.find(':')));
    }
    const auto& volumes = section(s, "volumes").items();
    for (std::size_t i = 0; i < volumes.size(); ++i)
      if (const yaml_node* target = volumes[i].find_set("target")) take(volumes[i], "volumes", i, value_text(*target));
  }

  void check_watches(const yaml_node& s, const std::string& path) {
    const yaml_node* watches = descend(s, {"develop", "watch"});
    if (watches == nullptr) return;
    for (std::size_t i = 0; i < watches->items().size(); ++i) {
      const yaml_node& watch = watches->items()[i];
      const yaml_node* action = watch.find_set("action");
      const yaml_node* target = watch.find_set("target");
      const std::string does = action == nullptr ? "" : value_text(*action);
      if (does != "rebuild" && does != "restart" && (target == nullptr || value_text(*target).empty()))
        add(watch, path + ".develop.watch[" + std::to_string(i) + "]", "has no target, which " + does + " needs",
            "Add the path in the container");
    }
  }

  // The same limit in two places must say the same. Beside other limits under `deploy`, none is another one.
  void check_amounts(const yaml_node& s, const std::string& path) {
    struct twice {
      std::string_view attribute;
      std::initializer_list<std::string_view> beside;
      std::string_view name;
      std::string_view in_deploy;
    };
    static const twice all[] = {
        {"cpus", {"deploy", "resources", "limits"}, "cpus", "deploy.resources.limits.cpus"},
        {"mem_limit", {"deploy", "resources", "limits"}, "memory", "deploy.resources.limits.memory"},
        {"mem_reservation", {"deploy", "resources", "reservations"}, "memory", "deploy.resources.reservations.memory"},
        {"pids_limit", {"deploy", "resources", "limits"}, "pids", "deploy.resources.limits.pids"},
    };
    for (const twice& each : all) {
      const yaml_node* here = s.find_set(each.attribute);
      const yaml_node* beside = descend(s, each.beside);
      if (here == nullptr || beside == nullptr || size_of(here) == 0) continue;
      if (size_of(here) != size_of(beside->find_set(each.name)))
        add(*here, path + "." + std::string(each.attribute), "differs from " + std::string(each.in_deploy),
            "Keep one of them");
    }
    const yaml_node* scale = s.find_set("scale");
    const yaml_node* replicas = descend(s, {"deploy", "replicas"});
    if (scale != nullptr && replicas != nullptr && size_of(scale) != size_of(replicas))
      add(*scale, path + ".scale", "differs from deploy.replicas", "Keep one of them");
  }

  // What compose's schema bounds.
  void check_limits(const yaml_node& s, const std::string& path) {
    const auto check_bounds = [&](const yaml_node* node, const std::string& name, double lowest, double highest) {
      const std::optional<double> number = node == nullptr ? std::nullopt : parse_real(value_text(*node));
      if (number && (*number < lowest || *number > highest))
        add(*node, path + "." + name, value_text(*node) + " is out of bounds", "");
    };
    constexpr double none = std::numeric_limits<double>::infinity();
    const yaml_node* percent = s.find_set("cpu_percent");
    check_bounds(percent, "cpu_percent", 0, 100);
    if (percent != nullptr && std::floor(size_of(percent)) != size_of(percent))
      add(*percent, path + ".cpu_percent", value_text(*percent) + " is no whole number", "Leave out the fraction");
    check_bounds(s.find_set("cpu_count"), "cpu_count", 0, none);
    check_bounds(s.find_set("scale"), "scale", 0, none);
    check_bounds(descend(s, {"deploy", "replicas"}), "deploy.replicas", 0, none);
    const auto& volumes = section(s, "volumes").items();
    for (std::size_t i = 0; i < volumes.size(); ++i)
      check_bounds(descend(volumes[i], {"tmpfs", "size"}), "volumes[" + std::to_string(i) + "].tmpfs.size", 0, none);
  }

  void check_container_name(const std::string& service, const yaml_node& s, const std::string& path) {
    const yaml_node* name = s.find_set("container_name");
    if (name == nullptr) return;
    if (!is_container_name(value_text(*name)))
      add(*name, path + ".container_name", "\"" + value_text(*name) + "\" is no container name",
          "Use two or more letters, digits and _ . - only, a letter or digit first");
    const auto [first, is_new] = container_names_.try_emplace(value_text(*name), service);
    if (!is_new) add(*name, path + ".container_name", "service " + first->second + " has the same one");
    const yaml_node* scale = s.find_set("scale");
    if (scale == nullptr) scale = descend(s, {"deploy", "replicas"});
    if (scale != nullptr && parse_integer(value_text(*scale)).value_or(1) > 1)
      add(*name, path + ".container_name",
          "only one container can have it, and " + value_text(*scale) + " are asked for", "Remove it");
  }

  void check_external(std::string_view kind, const yaml_member& each) {
    if (!is_true(each.value.find("external"))) return;
    for (const yaml_member& member : each.value.members())
      if (member.key != "external" && member.key != "name" && !member.key.starts_with("x-"))
        add(member.value, std::string(kind) + "." + each.key + "." + member.key, "means nothing for what is external",
            "Remove it, or `external`");
  }

  void check_file_object(std::string_view kind, const yaml_member& each) {
    std::size_t sources = 0;
    for (const std::string_view name : {"file", "environment", "content", "driver"})
      if (each.value.find_set(name) != nullptr) ++sources;
    const std::string path = std::string(kind) + "." + each.key;
    if (is_true(each.value.find("external"))) return;  // what stands beside it is ignored
    if (sources == 0) add(each.value, path, "says not where its content comes from", "Add `file:`");
    if (sources > 1) add(each.value, path, "has several sources of its content", "Keep one of them");
  }

  const yaml_node& root_;
  const std::set<std::string>& on_;
  std::map<std::string, std::string> container_names_;
};

struct unsupported {
  std::string_view attribute;
  std::string_view what;
  std::string_view advice;
};

// Left out silently, the service would run otherwise than its author meant.
constexpr unsupported unsupported_attributes[] = {
    {"models", "dockupd cannot give models to a service", "Give the model's address by `environment`"},
    {"provider", "dockupd cannot ask a provider for a service", "Leave the service out with a profile"},
    {"post_start", "dockupd does not run post_start hooks", "Run the command from the image's entrypoint"},
    {"pre_stop", "dockupd does not run pre_stop hooks", "Let the container do it when it gets its stop signal"},
};

// Nothing goes missing that compose itself would do on a single engine.
constexpr std::string_view left_to_swarm = "only means something to a swarm: the engine is not told of it";
constexpr unsupported ignored_attributes[] = {
    {"develop", "dockupd watches no files, so nothing is synchronised or rebuilt", "Use docker compose watch"},
    {"credential_spec", left_to_swarm, ""},
    {"pull_refresh_after", "dockupd fetches what an update asks for, whatever the age of the image", ""},
};
constexpr unsupported ignored_deploy_attributes[] = {
    {"mode", left_to_swarm, ""},
    {"labels", "labels under deploy are no labels of the containers", "Write them under the service's own labels"},
    {"update_config", left_to_swarm, ""},
    {"rollback_config", left_to_swarm, ""},
    {"placement", left_to_swarm, ""},
    {"endpoint_mode", left_to_swarm, ""},
};
constexpr unsupported ignored_reservations[] = {
    {"cpus", "the engine reserves no processors, so the service only has its limits", ""},
    {"generic_resources", left_to_swarm, ""},
};
constexpr unsupported ignored_file_attributes[] = {
    {"uid", "the file is mounted as it is on the host, with its owner there", "Change the owner of the file itself"},
    {"gid", "the file is mounted as it is on the host, with its group there", "Change the group of the file itself"},
    {"mode", "the file is mounted as it is on the host, with its mode there", "Change the mode of the file itself"},
};

class support_checker {
 public:
  support_checker(const yaml_node& root) : root_(root) {}
  std::vector<finding> findings;

  void check_service(const std::string& name, const yaml_node& s) {
    const std::string path = "services." + name;
    add_each(severity::error, unsupported_attributes, s, path);
    add_each(severity::note, ignored_attributes, s, path);
    add_each(severity::note, ignored_deploy_attributes, section(s, "deploy"), path + ".deploy");
    if (const yaml_node* reserved = descend(s, {"deploy", "resources", "reservations"}))
      add_each(severity::note, ignored_reservations, *reserved, path + ".deploy.resources.reservations");
    if (const yaml_node* socket = s.find_set("use_api_socket"); is_true(socket))
      add(severity::error, *socket, path + ".use_api_socket", "dockupd does not hand the engine's socket to a service",
          "Mount it under `volumes`");
    if (const yaml_node* build = s.find_set("build"))
      add(severity::note, *build, path + ".build",
          s.find_set("image") ? "dockupd uses the image and builds nothing"
                              : "the service is only built and never updated by dockupd",
          s.find_set("image") ? "" : "Add `image:` to have it updated");
    check_files(s, path, "secrets");
    check_files(s, path, "configs");
  }

 private:
  void add(severity level, const yaml_node& at, std::string path, std::string what, std::string advice) {
    findings.push_back({level, place_of(at.where), std::move(path), std::move(what), std::move(advice)});
  }

  void add_each(severity level, std::span<const unsupported> attributes, const yaml_node& of, const std::string& path) {
    for (const unsupported& each : attributes)
      if (const yaml_node* value = of.find_set(each.attribute))
        add(level, *value, path + "." + std::string(each.attribute), std::string(each.what), std::string(each.advice));
  }

  void check_files(const yaml_node& s, const std::string& path, std::string_view kind) {
    const auto& items = section(s, kind).items();
    for (std::size_t i = 0; i < items.size(); ++i) {
      const yaml_node* source = items[i].find_set("source");
      const yaml_node* object = source == nullptr ? nullptr : section(root_, kind).find(value_text(*source));
      if (object == nullptr) continue;
      const bool external = is_true(object->find("external"));
      const auto comes_from = [&](std::string_view name) { return object->find_set(name) != nullptr; };
      const std::string at = path + "." + std::string(kind) + "[" + std::to_string(i) + "]";
      if (comes_from("file")) add_each(severity::note, ignored_file_attributes, items[i], at);
      if (comes_from("file") || (!external && (comes_from("environment") || comes_from("content")))) continue;
      add(severity::error, items[i], at,
          "\"" + value_text(*source) +
              (external ? "\" is external, which only Swarm has" : "\" comes from a driver, which only Swarm has"),
          "Give it a `file:` under the top-level " + std::string(kind));
    }
  }

  const yaml_node& root_;
};

}  // namespace

std::vector<finding> check_consistency(const yaml_node& root, const std::set<std::string>& services) {
  checker all(root, services);
  all.check();
  return std::move(all.findings);
}

std::vector<finding> check_support(const yaml_node& root, const std::set<std::string>& services) {
  support_checker all(root);
  for (const yaml_member& each : section(root, "services").members())
    if (services.contains(each.key)) all.check_service(each.key, each.value);
  return std::move(all.findings);
}

}  // namespace orchestration
