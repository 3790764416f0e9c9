#include "orchestration/plan/found_project.hpp"

#include <algorithm>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/dependency_label.hpp"
#include "orchestration/plan/photograph.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/project/image_text.hpp"

namespace orchestration {
namespace {

using docker::json;

constexpr const char* hash_label = "com.docker.compose.config-hash";

std::string label(const observed_container& c, std::string_view name) {
  return c.inspect.string_at({"Config", "Labels", name});
}

/// That another can be put in place of; "latest" when neither tag nor digest is written; empty: there is none.
std::string tag_of(const std::string& reference) {
  const image_text parts = parts_of(reference);
  const bool is_latest = parts.tag.empty() && parts.digest.empty() && !parts.name.empty();
  return is_latest ? "latest" : parts.tag;
}

std::string joined(const std::set<std::string>& names, std::string_view separator) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : separator).append(name);
  return out;
}

// --- which images are meant ---

using references = std::map<std::string, std::set<std::string>>;  // service → what its containers were made from

/// What each service is to be made from.
class image_choice {
 public:
  image_choice(const std::string& project, const references& present, const image_changes& changes)
      : project_(project), present_(present), changes_(changes) {}

  std::map<std::string, std::string> wanted;  // service → reference
  std::set<std::string> moved;                // services that get another one
  std::string tag_before;

  void choose() {
    check_names();
    if (!changes_.tag.empty()) choose_tag();
    for (const auto& [service, reference] : changes_.images) wanted[service] = reference;
    for (const auto& [service, each] : present_) keep(service, each);
    for (const auto& [service, reference] : wanted)
      if (present_.at(service) != std::set<std::string>{reference}) moved.insert(service);
  }

 private:
  void check_names() const {
    std::set<std::string> asked = changes_.services;
    for (const auto& [service, reference] : changes_.images) asked.insert(service);
    for (const std::string& service : asked)
      if (!present_.contains(service))
        throw plan_error("project " + project_ + " has no container of a service " + service + "; there are: " +
                         joined(services_of(present_), ", ") + ". Without its compose files nothing can be added.");
  }

  static std::set<std::string> services_of(const references& of) {
    std::set<std::string> out;
    for (const auto& [service, each] : of) out.insert(service);
    return out;
  }

  bool is_meant(const std::string& service) const {
    return (changes_.services.empty() || changes_.services.contains(service)) && !changes_.images.contains(service);
  }

  void choose_tag() {
    std::map<std::string, std::set<std::string>> services_by_tag;
    for (const auto& [service, each] : present_)
      for (const std::string& reference : each)
        if (is_meant(service)) services_by_tag[tag_of(reference)].insert(service);
    if (!changes_.services.empty()) {
      if (const auto none = services_by_tag.find(""); none != services_by_tag.end()) throw without_tag(none->second);
    }
    services_by_tag.erase("");
    if (services_by_tag.empty())
      throw plan_error("project " + project_ + " has no image with a tag that --tag could replace. Name the image: " +
                       command() + " --image SERVICE=REFERENCE");
    if (changes_.services.empty() && services_by_tag.size() > 1) throw several_tags(services_by_tag);
    if (services_by_tag.size() == 1) tag_before = services_by_tag.begin()->first;
    for (const auto& [tag, services] : services_by_tag)
      for (const std::string& service : services) set_tag(service);
  }

  void set_tag(const std::string& service) {
    std::set<std::string> names;
    for (const std::string& reference : present_.at(service)) names.insert(parts_of(reference).name);
    if (names.size() > 1) throw different_images(service);
    wanted[service] = *names.begin() + ":" + changes_.tag;
  }

  void keep(const std::string& service, const std::set<std::string>& present) {
    if (wanted.contains(service)) return;
    const bool is_left = !changes_.services.empty() && !changes_.services.contains(service);
    if (present.size() > 1 && !is_left) throw different_images(service);
    wanted[service] = *present.begin();
  }

  std::string command() const { return "dockupd update -p " + project_; }

  plan_error without_tag(const std::set<std::string>& services) const {
    const std::string& service = *services.begin();
    return plan_error("service " + service + " runs " + *present_.at(service).begin() +
                      ", which has no tag that --tag could replace. Name the image: " + command() + " --image " +
                      service + "=REFERENCE");
  }

  plan_error different_images(const std::string& service) const {
    return plan_error("the containers of service " + service +
                      " run different images: " + joined(present_.at(service), ", ") +
                      ". Say which one is meant: " + command() + " --image " + service + "=REFERENCE");
  }

  plan_error several_tags(const std::map<std::string, std::set<std::string>>& services_by_tag) const {
    std::string text = "the services of project " + project_ +
                       " have different tags, and no compose file says which of them --tag means. Say it:";
    for (const auto& [tag, services] : services_by_tag)
      text += "\n  " + command() + " --tag " + changes_.tag + " " + joined(services, " ") +
              "   for those that are now " + tag;
    return plan_error(text);
  }

  const std::string& project_;
  const references& present_;
  const image_changes& changes_;
};

// --- the project ---

class found_project_maker {
 public:
  found_project_maker(const std::string& name, const observed_state& observed, const image_changes& changes)
      : observed_(observed), changes_(changes), choice_(out_.value.name, present_, changes) {
    out_.value.name = name;
    out_.value.working_dir = files_by_label(observed).working_dir;
  }

  found_project make() {
    for (const observed_container& c : observed_.containers)
      if (!belongs_to_attempt(c.name)) containers_.emplace(c.id, &c);
    for (const auto& [id, c] : containers_) present_[c->service].insert(c->image_reference);
    if (present_.empty())
      throw plan_error("there is no compose file, and no container of project " + out_.value.name +
                       " to read it from. What dockupd has recorded comes back with: dockupd rollback -p " +
                       out_.value.name);
    choice_.choose();
    out_.tag_before = choice_.tag_before;
    out_.moved = choice_.moved;
    out_.services = changes_.services;
    if (changes_.tag.empty() || !changes_.services.empty())
      for (const auto& [service, reference] : changes_.images) out_.services.insert(service);
    const release photo = release_from_observed(observed_, 0, "");
    for (const released_container& c : photo.containers) add(c, *containers_.at(c.container_id));
    for (auto& [service, s] : out_.value.services) add_dependencies(s);
    for (const released_volume& v : photo.volumes)
      if (!v.key.empty() || v.external)
        out_.value.volumes.emplace(v.key.empty() ? v.name : v.key, volume{v.key, v.name, v.external, v.body});
    say();
    return std::move(out_);
  }

 private:
  void add(const released_container& released, const observed_container& c) {
    if (c.number < 1) return;  // the planner leaves it alone and says so
    service& s = out_.value.services[c.service];
    const std::string& reference = choice_.wanted.at(c.service);
    s.name = c.service;
    s.image = reference;
    // What has no name in a registry cannot be asked for there.
    if (!parts_of(reference).name.empty()) s.image_template = reference;
    if (!choice_.moved.contains(c.service) && (!changes_.tag.empty() || !changes_.images.empty()))
      s.pull_policy = "missing";
    found_replica replica;
    replica.name = c.name;
    replica.body = released.body;
    replica.connect_after = released.connect_after;
    const auto image = observed_.image_configs.find(c.image_id);
    if (image == observed_.image_configs.end()) {
      replica.problem = "the image of container " + c.name + " (" + c.image_id.substr(0, 19) +
                        ") is no longer on this engine, so what it said cannot be told from what was asked for. "
                        "Pull it again, or move the project with its compose files";
    } else {
      subtract_image_defaults(replica.body, image->second);
    }
    const auto tagged = observed_.images.find(c.image_reference);
    if (tagged != observed_.images.end() && tagged->second.id == c.image_id &&
        tagged->second.platform != observed_.platform)
      replica.platform = tagged->second.platform;
    check_networks(c, replica);
    check_links(c, replica);
    set_labels(c, reference, replica.body);
    replica.body["Image"] = reference;
    join(s, replica.body);
    s.found.emplace(c.number, std::move(replica));
    s.scale = static_cast<int>(s.found.size());
  }

  void check_networks(const observed_container& c, found_replica& replica) const {
    for (const std::string& network : c.networks)
      if (!observed_.networks.contains(network) && network != "host" && network != "none" && network != "bridge")
        replica.problem = "network " + network + " of container " + c.name +
                          " does not exist. Create it with: docker network create " + network;
  }

  // On the default bridge the engine binds a link to the very container that bears the name when it is made.
  void check_links(const observed_container& c, found_replica& replica) const {
    const std::string mode = replica.body.string_at({"HostConfig", "NetworkMode"});
    const json* links = replica.body.path({"HostConfig", "Links"});
    if ((mode != "default" && mode != "bridge") || links == nullptr || !links->is_array()) return;
    for (const json& link : links->elements()) {
      const std::string other = link.as_string().substr(0, link.as_string().find(':'));
      if (!service_of(other).empty())
        replica.problem = "container " + c.name + " is linked to " + other +
                          " on the default bridge, and that is not supported yet. Put both on a network of their own "
                          "(docker network create), where names need no links";
    }
  }

  static void set_labels(const observed_container& c, const std::string& reference, json& body) {
    if (c.image_reference == reference) return;
    const std::string hash = hash_without_files(c.config_hash, reference);
    if (!hash.empty()) body["Labels"][hash_label] = hash;
  }

  // A container that is made again has another id: who joins it is told by the service.
  void join(service& s, json& body) {
    constexpr std::string_view prefix = "container:";
    json& host = body["HostConfig"];
    for (const auto& [engine, compose] :
         {std::pair{"NetworkMode", "network_mode"}, std::pair{"IpcMode", "ipc"}, std::pair{"PidMode", "pid"}}) {
      const std::string mode = host.string_at({engine});
      if (!mode.starts_with(prefix)) continue;
      const std::string other = service_of(mode.substr(prefix.size()));
      if (!other.empty()) s.document[compose] = host[engine] = "service:" + other;
    }
    json* from = host.find("VolumesFrom");
    if (from == nullptr || !from->is_array()) return;
    for (json& each : from->elements()) {
      const std::string text = each.as_string();
      const std::size_t colon = std::min(text.find(':'), text.size());
      const std::string other = service_of(text.substr(0, colon));
      if (other.empty()) continue;
      s.document["volumes_from"].push_back(other);
      each = "service:" + other + text.substr(colon);
    }
  }

  /// Empty: it is none of the project's.
  std::string service_of(const std::string& id_or_name) const {
    for (const auto& [id, c] : containers_)
      if (id == id_or_name || c->name == id_or_name) return c->service;
    return {};
  }

  void add_dependencies(service& s) {
    const json* labels = s.found.begin()->second.body.find("Labels");
    for (const labelled_dependency& d : dependencies_of(labels)) {
      dependency needed;
      needed.service = d.service;
      needed.restart = d.restart;
      needed.required = false;
      if (d.asked == goal::healthy) needed.condition = start_condition::healthy;
      if (d.asked == goal::completed) needed.condition = start_condition::completed_successfully;
      if (out_.value.services.contains(d.service)) s.depends_on.push_back(std::move(needed));
    }
    for (const char* attribute : {"network_mode", "ipc", "pid"}) {
      const std::string text = s.document.string_at({attribute});
      if (!text.empty()) add_joined(s, text.substr(text.find(':') + 1), true);
    }
    if (const json* from = s.document.find("volumes_from"))
      for (const json& each : from->elements()) add_joined(s, each.as_string(), false);
  }

  static void add_joined(service& s, const std::string& other, bool restart) {
    const auto is_known = [&](const dependency& d) { return d.service == other; };
    if (std::any_of(s.depends_on.begin(), s.depends_on.end(), is_known) || other == s.name) return;
    dependency needed;
    needed.service = other;
    needed.restart = restart;
    needed.implicit = true;
    s.depends_on.push_back(std::move(needed));
  }

  void say() {
    out_.notes.push_back("no compose file: containers are made again as the engine shows them");
    if (!changes_.tag.empty()) say_tag();
    bool seen_by_compose = false;
    for (const auto& [service, s] : out_.value.services)
      for (const auto& [number, replica] : s.found)
        seen_by_compose |= choice_.moved.contains(service) && replica.body.path({"Labels", hash_label}) != nullptr;
    if (seen_by_compose)
      out_.notes.push_back(
          "no file is changed, and without the files the config hash of another image cannot be computed: the next "
          "docker compose up makes " +
          joined(choice_.moved, ", ") + " what the files say");
  }

  void say_tag() {
    std::set<std::string> tagged;
    for (const std::string& service : choice_.moved)
      if (!changes_.images.contains(service)) tagged.insert(service);
    if (tagged.empty()) return;
    out_.notes.push_back("tag " + (choice_.tag_before.empty() ? "" : choice_.tag_before + " -> ") + changes_.tag +
                         " for " + joined(tagged, ", "));
  }

  const observed_state& observed_;
  const image_changes& changes_;
  found_project out_;
  references present_;
  std::map<std::string, const observed_container*> containers_;  // by id
  image_choice choice_;
};

std::vector<std::string> absolute_paths(const std::string& list, const std::string& directory) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from < list.size();) {
    const std::size_t to = std::min(list.find(',', from), list.size());
    const std::string path = list.substr(from, to - from);
    // compose 1 wrote them as they were given.
    if (!path.empty()) out.push_back((std::filesystem::path(directory) / path).lexically_normal().string());
    from = to + 1;
  }
  return out;
}

}  // namespace

found_project project_from_containers(const std::string& name, const observed_state& observed,
                                      const image_changes& changes) {
  return found_project_maker(name, observed, changes).make();
}

labelled_files files_by_label(const observed_state& observed) {
  const observed_container* newest = nullptr;
  for (const observed_container& c : observed.containers) {
    if (label(c, "com.docker.compose.project.config_files").empty()) continue;
    // RFC 3339 in UTC: the text sorts as the time does, to the second.
    if (newest == nullptr || newest->inspect.string_at({"Created"}) < c.inspect.string_at({"Created"})) newest = &c;
  }
  labelled_files out;
  if (newest == nullptr) return out;
  out.working_dir = label(*newest, "com.docker.compose.project.working_dir");
  out.files = absolute_paths(label(*newest, "com.docker.compose.project.config_files"), out.working_dir);
  out.environment = absolute_paths(label(*newest, "com.docker.compose.project.environment_file"), out.working_dir);
  return out;
}

}  // namespace orchestration
