#include "orchestration/project/merge.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "orchestration/project/short_forms.hpp"

namespace orchestration {
namespace {

// --- how two values become one ---

yaml_node merged_members(yaml_node base, yaml_node over, const tree_path& path) {
  for (yaml_member& each : over.members()) {
    if (yaml_node* old = base.find(each.key))
      *old = merged(std::move(*old), std::move(each.value), tree_path(path, each.key));
    else
      base.members().push_back(std::move(each));
  }
  return base;
}

[[noreturn]] void fail_on_kind(const yaml_node& node, std::string_view wanted) {
  fail_at(node.where, "", "expected " + std::string(wanted) + ", found " + std::string(node.kind_text()));
}

// A mapping becomes a sorted list of "key=value".
yaml_node::sequence as_list(yaml_node node) {
  if (!node.is_sequence() && !node.is_mapping() && !node.is_null() && node.text() == nullptr)
    fail_on_kind(node, "a list, a mapping or text");
  yaml_node::sequence out;
  if (node.is_sequence()) return std::move(node.items());
  if (node.text() != nullptr) out.push_back(std::move(node));
  for (const yaml_member& each : std::as_const(node).members()) {
    if (each.value.is_sequence())
      for (const yaml_node& item : each.value.items())
        out.push_back(make_node(each.key + "=" + value_text(item), item.where));
    else
      out.push_back(
          make_node(each.value.is_null() ? each.key : each.key + "=" + value_text(each.value), each.value.where));
  }
  if (node.is_mapping())
    std::sort(out.begin(), out.end(), [](const yaml_node& a, const yaml_node& b) { return *a.text() < *b.text(); });
  return out;
}

// A list of names becomes a mapping, each name with `value`.
yaml_node as_mapping(yaml_node node, const yaml_node& value) {
  if (node.is_mapping()) return node;
  if (!node.is_sequence() && !node.is_null()) fail_on_kind(node, "a list or a mapping");
  yaml_node out = make_node(yaml_node::mapping(), node.where);
  for (const yaml_node& name : std::as_const(node).items()) {
    yaml_node each = value;
    each.where = name.where;
    out.set(value_text(name), std::move(each));
  }
  return out;
}

yaml_node replaced(yaml_node, yaml_node over, const tree_path&) { return over; }

yaml_node appended(yaml_node base, yaml_node over, const tree_path&) {
  const yaml_mark where = over.where;
  yaml_node::sequence all = as_list(std::move(base));
  for (yaml_node& each : as_list(std::move(over))) all.push_back(std::move(each));
  return make_node(std::move(all), where);
}

yaml_node appended_new(yaml_node base, yaml_node over, const tree_path&) {
  const yaml_mark where = over.where;
  yaml_node::sequence all = as_list(std::move(base));
  const std::size_t old = all.size();
  for (yaml_node& each : as_list(std::move(over))) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(old);
    if (std::find(all.begin(), end, each) == end) all.push_back(std::move(each));
  }
  return make_node(std::move(all), where);
}

yaml_node merged_dependencies(yaml_node base, yaml_node over, const tree_path& path) {
  yaml_node usual = make_node(yaml_node::mapping(), {});
  usual.set("condition", make_node("service_started", {}));
  usual.set("required", make_node(true, {}));
  return merged_members(as_mapping(std::move(base), usual), as_mapping(std::move(over), usual), path);
}

yaml_node merged_names(yaml_node base, yaml_node over, const tree_path& path) {
  return merged_members(as_mapping(std::move(base), {}), as_mapping(std::move(over), {}), path);
}

yaml_node long_build(yaml_node build) {
  if (build.text() == nullptr) return build;
  yaml_node out = make_node(yaml_node::mapping(), build.where);
  out.set("context", std::move(build));
  return out;
}

yaml_node merged_build(yaml_node base, yaml_node over, const tree_path& path) {
  return merged_members(long_build(std::move(base)), long_build(std::move(over)), path);
}

// The options of one driver mean nothing to another.
yaml_node merged_logging(yaml_node base, yaml_node over, const tree_path& path) {
  const yaml_node* old_driver = base.find("driver");
  const yaml_node* new_driver = over.find("driver");
  const bool same = old_driver == nullptr || new_driver == nullptr || *old_driver == *new_driver;
  if (over.is_null()) return base;
  return same ? merged_members(std::move(base), std::move(over), path) : over;
}

bool same_subnet(const yaml_node& a, const yaml_node& b) {
  const yaml_node* of_a = a.find_set("subnet");
  const yaml_node* of_b = b.find_set("subnet");
  return of_a == nullptr || of_b == nullptr ? of_a == of_b : *of_a == *of_b;
}

// In compose-go's own order of loops, where an entry that was merged once is the same object afterwards, and an old
// entry that no new one has the subnet of is dropped.
yaml_node merged_address_pools(yaml_node base, yaml_node over, const tree_path& path) {
  using shared_node = std::shared_ptr<yaml_node>;
  std::vector<shared_node> all;
  const auto with_subnet_of = [&](const yaml_node& wanted) {
    return std::find_if(all.begin(), all.end(), [&](const shared_node& each) { return same_subnet(*each, wanted); });
  };
  for (const yaml_node& each : std::as_const(base).items()) {
    const auto old = std::make_shared<yaml_node>(each);
    for (const yaml_node& fresh : std::as_const(over).items()) {
      if (!same_subnet(*old, fresh) && with_subnet_of(fresh) == all.end()) {
        all.push_back(std::make_shared<yaml_node>(fresh));
        continue;
      }
      *old = merged_members(std::move(*old), fresh, path);
      if (const auto known = with_subnet_of(*old); known != all.end())
        *known = old;
      else
        all.push_back(old);
    }
  }
  yaml_node::sequence out;
  for (const shared_node& each : all) out.push_back(*each);
  return make_node(std::move(out), over.where);
}

struct merge_rule {
  path_pattern pattern;
  yaml_node (*rule)(yaml_node base, yaml_node over, const tree_path& path);
};

constexpr merge_rule merge_rules[] = {
    {"services.*.annotations", appended},
    {"services.*.build", merged_build},
    {"services.*.build.additional_contexts", appended},
    {"services.*.build.args", appended},
    {"services.*.build.extra_hosts", appended_new},
    {"services.*.build.labels", appended},
    {"services.*.command", replaced},
    {"services.*.depends_on", merged_dependencies},
    {"services.*.deploy.labels", appended},
    {"services.*.dns", appended},
    {"services.*.dns_opt", appended},
    {"services.*.dns_search", appended},
    {"services.*.entrypoint", replaced},
    {"services.*.env_file", appended},
    {"services.*.environment", appended},
    {"services.*.extra_hosts", appended_new},
    {"services.*.healthcheck.test", replaced},
    {"services.*.label_file", appended},
    {"services.*.labels", appended},
    {"services.*.logging", merged_logging},
    {"services.*.models", merged_names},
    {"services.*.networks", merged_names},
    {"services.*.sysctls", appended},
    {"services.*.tmpfs", appended},
    {"services.*.ulimits.*", replaced},
    {"services.*.volumes.*.volume.labels", appended},
    {"networks.*.ipam.config", merged_address_pools},
    {"networks.*.labels", appended},
    {"volumes.*.labels", appended},
};

[[noreturn]] void fail_on_kinds(const yaml_node& base, const yaml_node& over, const tree_path& path) {
  const place first = place_of(base.where);
  fail_at(
      over.where, path.text(),
      "is " + std::string(over.kind_text()) + " here and " + std::string(base.kind_text()) + " in " + to_text(first),
      "Write both the same way, or mark this one with !override");
}

// --- what makes an entry of a list the same as another ---

std::string by_name(const yaml_node& entry, const tree_path& path) {
  if (entry.text() == nullptr)
    fail_at(entry.where, path.text(), "expected text, found " + std::string(entry.kind_text()));
  return entry.text()->substr(0, entry.text()->find('='));
}

std::string member_text(const yaml_node& entry, std::string_view name, std::string_view otherwise = {}) {
  const yaml_node* found = entry.find(name);
  return found == nullptr ? std::string(otherwise) : value_text(*found);
}

std::string by_value(const yaml_node& entry, const tree_path&) { return value_text(entry); }

std::string by_target(const yaml_node& entry, const tree_path& path) {
  if (entry.text() != nullptr) return member_text(parse_volume(entry, path.text()), "target");
  return member_text(entry, "target");
}

std::string by_device_target(const yaml_node& entry, const tree_path&) {
  if (entry.text() == nullptr) return member_text(entry, "target");
  const std::size_t colon = entry.text()->find(':');
  if (colon == std::string::npos) return *entry.text();
  const std::string rest = entry.text()->substr(colon + 1);
  return rest.substr(0, rest.find(':'));
}

std::string by_file_target(const yaml_node& entry, std::string_view directory) {
  if (entry.text() != nullptr) return std::string(directory) + "/" + *entry.text();
  return member_text(entry, "target", std::string(directory) + "/" + member_text(entry, "source"));
}
std::string by_secret_target(const yaml_node& entry, const tree_path&) { return by_file_target(entry, "/run/secrets"); }
std::string by_config_target(const yaml_node& entry, const tree_path&) { return by_file_target(entry, ""); }

std::string by_port(const yaml_node& entry, const tree_path&) {
  if (!entry.is_mapping()) return value_text(entry);
  // To compose a number is not the text of that number: `published: 80` stands beside "80:80".
  const yaml_node* published = entry.find("published");
  const std::string_view kind = published == nullptr || published->text() != nullptr ? "" : "number ";
  return member_text(entry, "host_ip", "0.0.0.0") + ":" + std::string(kind) + member_text(entry, "published", "<nil>") +
         ":" + member_text(entry, "target") + "/" + member_text(entry, "protocol", "tcp");
}

std::string by_path(const yaml_node& entry, const tree_path&) {
  return entry.is_mapping() ? member_text(entry, "path") : value_text(entry);
}

struct unique_rule {
  path_pattern pattern;
  std::string (*rule)(const yaml_node& entry, const tree_path& path);
};

constexpr unique_rule unique_rules[] = {
    {"services.*.annotations", by_name},
    {"services.*.build.additional_contexts", by_name},
    {"services.*.build.args", by_name},
    {"services.*.build.labels", by_name},
    {"services.*.build.platform", by_name},
    {"services.*.build.tags", by_name},
    {"services.*.cap_add", by_name},
    {"services.*.cap_drop", by_name},
    {"services.*.configs", by_config_target},
    {"services.*.deploy.labels", by_name},
    {"services.*.devices", by_device_target},
    {"services.*.dns", by_name},
    {"services.*.dns_opt", by_name},
    {"services.*.dns_search", by_name},
    {"services.*.env_file", by_path},
    {"services.*.environment", by_name},
    {"services.*.expose", by_value},
    {"services.*.labels", by_name},
    {"services.*.links", by_name},
    {"services.*.networks.*.aliases", by_name},
    {"services.*.networks.*.link_local_ips", by_name},
    {"services.*.ports", by_port},
    {"services.*.profiles", by_name},
    {"services.*.secrets", by_secret_target},
    {"services.*.sysctls", by_name},
    {"services.*.tmpfs", by_name},
    {"services.*.volumes", by_target},
    {"networks.*.ipam.options", by_name},
    {"networks.*.labels", by_name},
};

}  // namespace

yaml_node merged(yaml_node base, yaml_node over, const tree_path& path) {
  if (const auto rule = rule_for(merge_rules, path)) return rule(std::move(base), std::move(over), path);
  if (over.is_null()) return base;
  if (base.is_mapping()) {
    if (!over.is_mapping()) fail_on_kinds(base, over, path);
    return merged_members(std::move(base), std::move(over), path);
  }
  if (base.is_sequence()) {
    if (!over.is_sequence()) fail_on_kinds(base, over, path);
    for (yaml_node& each : over.items()) base.items().push_back(std::move(each));
    return base;
  }
  return over;
}

void keep_unique(yaml_node& node, const tree_path& path) {
  if (node.is_mapping())
    for (yaml_member& each : node.members()) keep_unique(each.value, tree_path(path, each.key));
  if (!node.is_sequence()) return;
  const auto key_of = rule_for(unique_rules, path);
  if (key_of == nullptr) return;
  yaml_node::sequence kept;
  std::map<std::string, std::size_t> position;
  for (std::size_t i = 0; i < node.items().size(); ++i) {
    yaml_node& each = node.items()[i];
    const auto [known, is_new] = position.try_emplace(key_of(each, tree_path(path, i)), kept.size());
    if (is_new)
      kept.push_back(std::move(each));
    else
      kept[known->second] = std::move(each);
  }
  node.items() = std::move(kept);
}

void erase_at(yaml_node& root, const std::vector<std::string>& path) {
  if (path.empty()) return;
  yaml_node* node = &root;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    node = node->find(path[i]);
    if (node == nullptr) return;
  }
  node->erase(path.back());
}

}  // namespace orchestration
