#include "tests/support/fake_engine.hpp"

#include <stdlib.h>

#include <algorithm>

#include "tests/support/fake_call.hpp"

namespace orchestration {
namespace {

bool is_container_name(const std::string& name) {
  const auto is_first = [](unsigned char c) { return std::isalnum(c) != 0; };
  const auto is_other = [&](unsigned char c) { return is_first(c) || c == '_' || c == '.' || c == '-'; };
  return name.size() >= 2 && is_first(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin() + 1, name.end(), is_other);
}

bool has_label(const docker::json& config, const std::string& filter) {
  const auto equals = filter.find('=');
  const docker::json* value = config.path({"Labels", filter.substr(0, equals)});
  return value != nullptr && (equals == std::string::npos || *value == docker::json(filter.substr(equals + 1)));
}

std::string port_of(const std::string& address) { return address.substr(address.rfind(':') + 1); }

bool ports_clash(const std::string& a, const std::string& b) {
  if (port_of(a) != port_of(b)) return false;
  return a == b || a.starts_with("0.0.0.0:") || b.starts_with("0.0.0.0:");
}

docker::json default_host_config(const docker::json* sent) {
  docker::json out =
      docker::json::object({{"Binds", nullptr},
                            {"NetworkMode", "default"},
                            {"PortBindings", nullptr},
                            {"RestartPolicy", docker::json::object({{"Name", ""}, {"MaximumRetryCount", 0}})},
                            {"AutoRemove", false},
                            {"VolumesFrom", nullptr}});
  if (sent == nullptr || !sent->is_object()) return out;
  for (const auto& [name, value] : sent->object_members()) out[name] = value;
  if (out.string_at({"NetworkMode"}).empty()) out["NetworkMode"] = "default";
  return out;
}

std::string network_of_mode(const std::string& mode) { return mode == "default" ? "bridge" : mode; }

}  // namespace

void fake_engine::read(const std::string& line) { call(*this, line, call::only_reads()); }

std::string fake_engine::new_id(const std::string& kind, const std::string& name) {
  return hex64(kind + " " + name + " " + std::to_string(++world_.ids_given[kind + " " + name]));
}

// ---- the world ------------------------------------------------------------------------------------------------

fake_engine::fake_engine(real_volumes volumes) {
  described_.id = "FAKE:FAKE:FAKE";
  described_.version = "20.10.24";
  described_.data_root = "/var/lib/docker";
  described_.platform = "linux/amd64";
  if (volumes == real_volumes::no) return;
  std::string name = (std::filesystem::temp_directory_path() / "fake-engine-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory: " + name);
  volume_root_ = name;
  described_.data_root = name;
  described_.local = true;
}

fake_engine::~fake_engine() {
  if (volume_root_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(volume_root_, ignored);
}

void fake_engine::restart_engine(engine_stop stop) {
  constexpr std::int64_t away = 60;  // seconds: who stopped something by hand did so before
  world_.came_back = now_ += away;
  for (auto& [id, c] : containers_) {
    const bool was_up = c.is_up();
    if (was_up) end_run(c, stop == engine_stop::killed ? 137 : c.behaviour.stop_code, now_);
    if (c.state == fake_state::created) continue;
    const std::string policy = c.restart_policy();
    const bool clean_run = stop == engine_stop::cleanly && was_up;
    const bool failed = policy == "on-failure" && c.exit_code != 0 && (clean_run || !was_up);
    if (policy == "always" || (policy == "unless-stopped" && clean_run) || failed) run(c);
  }
}

void fake_engine::fail(scripted_failure failure) {
  const bool twice = failure.kind == failure_kind::refused && failure.status / 100 == 5 && !failure.passes;
  if (twice) failures_.push_back(armed_failure{failure, 0});
  failures_.push_back(armed_failure{std::move(failure), 0});
}

std::string fake_engine::changes() const {
  std::string out;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    if (!reads_.contains(i)) out += calls_[i] + "\n";
  }
  return out;
}

void fake_engine::forget_calls() {
  calls_.clear();
  reads_.clear();
}

const fake_container* fake_engine::container(const std::string& name_or_id) const {
  return const_cast<fake_engine*>(this)->find(name_or_id);
}

std::vector<std::string> fake_engine::container_names() const {
  std::vector<std::string> out;
  for (const auto& [id, c] : containers_) out.push_back(c.name + " " + std::string(to_text(c.state)));
  std::sort(out.begin(), out.end());
  return out;
}

std::filesystem::path fake_engine::volume_directory(const std::string& name) const {
  return volumes_.at(name).mountpoint;
}

bool fake_engine::has_network(const std::string& name) const { return networks_.contains(name); }

// ---- containers -----------------------------------------------------------------------------------------------

fake_container* fake_engine::find(const std::string& name_or_id) {
  const std::string name = name_or_id.starts_with('/') ? name_or_id.substr(1) : name_or_id;
  for (auto& [id, c] : containers_) {
    if (id == name || c.name == name) return &c;
  }
  const auto prefixed = containers_.lower_bound(name);
  const bool found = name.size() >= 6 && prefixed != containers_.end() && prefixed->first.starts_with(name);
  return found ? &prefixed->second : nullptr;
}

fake_container& fake_engine::existing(const std::string& name_or_id) {
  if (fake_container* found = find(name_or_id)) return *found;
  throw refusal("POST", "/containers/" + name_or_id, 404, "No such container: " + name_or_id);
}

std::string fake_engine::name_of(const std::string& name_or_id) const {
  const fake_container* found = container(name_or_id);
  return found == nullptr ? name_or_id : found->name;
}

void fake_engine::check_name_is_free(const std::string& name, const std::string& context) {
  if (!is_container_name(name)) {
    throw refusal("POST", "/containers/create", 400,
                  context + "Invalid container name (" + name + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  }
  for (const auto& [id, c] : containers_) {
    if (c.name != name) continue;
    throw refusal("POST", "/containers/create?name=" + name, 409,
                  context + "Conflict. The container name \"/" + name + "\" is already in use by container \"" + id +
                      "\". You have to remove (or rename) that container to be able to reuse that name.");
  }
}

void fake_engine::check_create(const std::string& name, const docker::json& body) {
  const std::string path = "/containers/create?name=" + name;
  const std::string policy = body.string_at({"HostConfig", "RestartPolicy", "Name"});
  if (body.bool_at({"HostConfig", "AutoRemove"}) && !policy.empty() && policy != "no") {
    throw refusal("POST", path, 400, "can't create 'AutoRemove' container with restart policy");
  }
  const docker::json* endpoints = body.path({"NetworkingConfig", "EndpointsConfig"});
  if (endpoints == nullptr || endpoints->size() <= 1) return;
  std::string names;
  for (const auto& [endpoint, unused] : endpoints->object_members()) names += (names.empty() ? "" : ", ") + endpoint;
  throw refusal("POST", path, 400, "Container cannot be connected to network endpoints: " + names);
}

void fake_engine::attach_volumes(fake_container& c) {
  const docker::json none = docker::json::make_object();
  for (auto& mount : c.mounts) {
    if (mount.type == "volume") mount.source = ensure_volume(mount.name, none).mountpoint;
  }
}

void fake_engine::take_volumes_from(fake_container& c) {
  const docker::json* from = c.host_config.find("VolumesFrom");
  if (from == nullptr || !from->is_array()) return;
  for (const docker::json& each : from->elements()) {
    const fake_container* other = find(each.as_string());
    if (other == nullptr)
      throw refusal("POST", "/containers/create?name=" + c.name, 400, "No such container: " + each.as_string());
    for (const fake_mount& mount : other->mounts) {
      const auto is_there = [&](const fake_mount& own) { return own.destination == mount.destination; };
      std::erase_if(c.mounts, [&](const fake_mount& own) { return is_there(own) && own.name.size() == 64; });
      if (std::none_of(c.mounts.begin(), c.mounts.end(), is_there)) c.mounts.push_back(mount);
    }
  }
}

void fake_engine::check_joined_runs(fake_container& c) {
  constexpr std::string_view prefix = "container:";
  for (const char* name : {"NetworkMode", "IpcMode", "PidMode"}) {
    const std::string mode = c.host_config.string_at({name});
    if (!mode.starts_with(prefix)) continue;
    const std::string id = mode.substr(prefix.size());
    const fake_container* other = find(id);
    if (other == nullptr) refuse_start(c, 404, 128, "No such container: " + id);
    if (!other->is_up()) refuse_start(c, 409, 128, "cannot join network of a non running container: " + other->id);
  }
}

void fake_engine::attach_networks(fake_container& c, const docker::json& body) {
  const std::string mode = network_of_mode(c.host_config.string_at({"NetworkMode"}));
  if (mode.starts_with("container:")) return;
  const docker::json* endpoints = body.path({"NetworkingConfig", "EndpointsConfig"});
  if (endpoints != nullptr && endpoints->is_object()) {
    for (const auto& [name, settings] : endpoints->object_members()) c.endpoints[name].settings = settings;
  }
  if (c.endpoints.empty()) c.endpoints[mode];
}

docker::task<std::string> fake_engine::create_container(std::string name, docker::json body, std::string) {
  call made(*this, "create " + name);
  const std::string reference = body.string_at({"Image"});
  const fake_image* image = images_.find(reference);
  check_create(name, body);
  if (image == nullptr) {
    throw refusal("POST", "/containers/create?name=" + name, 404, "No such image: " + full_reference(reference));
  }
  check_name_is_free(name, "");
  fake_container c;
  c.id = new_id("container", name);
  c.name = name;
  c.image_id = image->id;
  c.behaviour = image->behaviour;
  c.config = merged_config(image->behaviour.config, body, c.id);
  c.host_config = default_host_config(body.find("HostConfig"));
  c.mounts = mounts_of(body, c.config, c.id);
  c.created_at = ++now_;
  take_volumes_from(c);
  attach_volumes(c);
  attach_networks(c, body);
  const std::string id = c.id;
  containers_[id] = std::move(c);
  made.acted();
  co_return id;
}

void fake_engine::refuse_start(fake_container& c, int status, std::int64_t code, const std::string& words) {
  c.exit_code = code;
  c.error = words;
  throw refusal("POST", "/containers/" + c.id + "/start", status, words);
}

void fake_engine::check_can_start(fake_container& c) {
  check_joined_runs(c);
  for (const auto& [name, endpoint] : c.endpoints) {
    // Once it has run it wants the very network, not one that was made anew under the name.
    const std::string& wanted = endpoint.network_id.empty() ? name : endpoint.network_id;
    if (!is_predefined_network(name) && find_network(wanted) == nullptr) {
      refuse_start(c, 404, 128, "network " + wanted + " not found");
    }
  }
  const std::string endpoint =
      "driver failed programming external connectivity on endpoint " + c.name + " (" + hex64(c.id + "endpoint") + "): ";
  for (const auto& port : host_ports_of(c.host_config)) {
    for (const auto& foreign : foreign_ports_) {
      if (!ports_clash(port, foreign)) continue;
      refuse_start(c, 500, 128,
                   endpoint + "Error starting userland proxy: listen tcp4 " + port + ": bind: address already in use");
    }
    for (const auto& [id, other] : containers_) {
      if (id == c.id || !other.is_up()) continue;
      for (const auto& taken : host_ports_of(other.host_config)) {
        if (!ports_clash(port, taken)) continue;
        refuse_start(c, 500, 128, endpoint + "Bind for " + port + " failed: port is already allocated");
      }
    }
  }
  if (!c.behaviour.start_error.empty()) refuse_start(c, 400, 127, c.behaviour.start_error);
}

void fake_engine::run(fake_container& c) {
  begin_run(c, ++now_);
  c.stopped_by_hand = false;
  for (auto& [name, endpoint] : c.endpoints) {
    const auto* known = find_network(name);
    endpoint.network_id = known != nullptr ? known->id : hex64(name);
    if (!is_predefined_network(name)) add_short_id(endpoint.settings, c.id);
  }
  if (!c.behaviour.on_start) return;
  std::map<std::string, std::filesystem::path> directories;
  for (const auto& mount : c.mounts) {
    if (mount.type == "volume" && !volume_root_.empty()) directories[mount.destination] = mount.source;
  }
  c.behaviour.on_start(directories);
}

docker::task<> fake_engine::start_container(std::string id) {
  call made(*this, "start " + name_of(id));
  fake_container& c = existing(id);
  if (c.state == fake_state::paused) {
    throw refusal("POST", "/containers/" + id + "/start", 409, "cannot start a paused container, try unpause instead");
  }
  if (c.state != fake_state::running) {
    check_can_start(c);
    c.restart_count = 0;
    run(c);
  }
  made.acted();
  co_return;
}

docker::task<> fake_engine::stop_container(std::string id, std::optional<std::chrono::seconds>) {
  call made(*this, "stop " + name_of(id));
  fake_container& c = existing(id);
  if (c.is_up()) {
    const bool was_restarting = c.state == fake_state::restarting;
    end_run(c, was_restarting ? c.exit_code : c.behaviour.stop_code, ++now_);
    c.stopped_by_hand = true;
  }
  made.acted();
  co_return;
}

docker::task<> fake_engine::pause_container(std::string id) {
  call made(*this, "pause " + name_of(id));
  fake_container& c = existing(id);
  if (!c.is_up() || c.state == fake_state::restarting) {
    throw refusal("POST", "/containers/" + id + "/pause", 409, "Container " + c.id + " is not running");
  }
  c.state = fake_state::paused;
  made.acted();
  co_return;
}

docker::task<> fake_engine::unpause_container(std::string id) {
  call made(*this, "unpause " + name_of(id));
  fake_container& c = existing(id);
  if (c.state != fake_state::paused && c.state != fake_state::running) {
    throw refusal("POST", "/containers/" + id + "/unpause", 500, "Container " + c.id + " is not paused");
  }
  c.state = fake_state::running;
  made.acted();
  co_return;
}

docker::task<> fake_engine::rename_container(std::string id, std::string name) {
  call made(*this, "rename " + name_of(id) + " to " + name);
  fake_container& c = existing(id);
  if (c.name != name) {
    check_name_is_free(name, "Error when allocating new name: ");
    c.name = name;
  }
  made.acted();
  co_return;
}

docker::task<> fake_engine::remove_container(std::string id) {
  call made(*this, "remove " + name_of(id));
  if (const fake_container* c = find(id)) {
    if (c->is_up()) {
      throw refusal("DELETE", "/containers/" + id, 409,
                    "You cannot remove a " + std::string(to_text(c->state)) + " container " + c->id +
                        ". Stop the container before attempting removal or force remove");
    }
    const std::string full_id = c->id;
    containers_.erase(full_id);
  }
  made.acted();
  co_return;
}

docker::task<> fake_engine::set_restart_policy(std::string id, docker::json policy) {
  const std::string name = policy.string_at({"Name"});
  call made(*this, "restart policy " + name_of(id) + " " + (name.empty() ? "no" : name));
  fake_container& c = existing(id);
  static const std::set<std::string> known = {"", "no", "always", "unless-stopped", "on-failure"};
  if (!known.contains(name)) {
    throw refusal("POST", "/containers/" + id + "/update", 400, "invalid restart policy '" + name + "'");
  }
  if (!policy.contains("MaximumRetryCount")) policy["MaximumRetryCount"] = 0;
  c.host_config["RestartPolicy"] = std::move(policy);
  made.acted();
  co_return;
}

docker::task<std::optional<docker::json>> fake_engine::inspect_container(std::string id) {
  read("inspect " + name_of(id));
  fake_container* c = find(id);
  if (c == nullptr) co_return std::nullopt;
  pass_time(*c, ++now_);
  co_return inspect_answer(*c);
}

docker::task<std::vector<docker::json>> fake_engine::list_containers(std::vector<std::string> labels) {
  std::string line = "list";
  for (const auto& label : labels) line += " " + label;
  read(line);
  std::vector<const fake_container*> found;
  for (const auto& [id, c] : containers_) {
    const auto matches = [&c = c](const std::string& label) { return has_label(c.config, label); };
    if (std::all_of(labels.begin(), labels.end(), matches)) found.push_back(&c);
  }
  std::sort(found.begin(), found.end(),
            [](auto* a, auto* b) { return a->created_at > b->created_at; });  // newest first
  std::vector<docker::json> out;
  for (const auto* c : found) out.push_back(list_answer(*c));
  co_return out;
}

bool fake_engine::has_processes(const std::string& id) {
  const fake_container* c = find(id);
  return c != nullptr && (c->is_up() || (runs_unseen && runs_unseen(c->name)));
}

docker::task<std::string> fake_engine::last_log_lines(std::string id, int lines) {
  read("logs " + name_of(id));
  const fake_container& c = existing(id);
  const auto all = static_cast<std::ptrdiff_t>(c.log.size());
  std::string out;
  for (auto at = std::max<std::ptrdiff_t>(0, all - lines); at < all; ++at) {
    out += c.log[static_cast<std::size_t>(at)] + "\n";
  }
  co_return out;
}

docker::task<engine_facts> fake_engine::facts() {
  read("facts");
  co_return described_;
}

}  // namespace orchestration
