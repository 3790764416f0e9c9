#include "tests/support/fake_engine.hpp"

#include <stdlib.h>

#include <algorithm>

#include "docker_client/error.hpp"

namespace orchestration {
namespace {

docker::error refusal(std::string_view method, const std::string& path, int status, const std::string& words) {
  static const std::map<int, std::string> phrases = {
      {400, "Bad Request"}, {403, "Forbidden"}, {404, "Not Found"}, {409, "Conflict"}, {500, "Internal Server Error"}};
  const auto known = phrases.find(status);
  return docker::error(docker::request_line(method, path), status, known == phrases.end() ? "" : known->second, words);
}

bool is_predefined(const std::string& network) { return network == "bridge" || network == "host" || network == "none"; }

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

/// An engine without an alias for the short id in user-defined networks would be 26 or newer.
void add_short_id(docker::json& endpoint, const std::string& id) {
  docker::json& aliases = endpoint["Aliases"];
  const docker::json alias = id.substr(0, 12);
  if (aliases.is_array()) {
    const auto& list = aliases.elements();
    if (std::find(list.begin(), list.end(), alias) != list.end()) return;
  }
  aliases.push_back(alias);
}

void report(const std::function<void(const pull_progress&)>& on_progress, std::string layer, std::string status,
            std::int64_t current = 0, std::int64_t total = 0) {
  if (!on_progress) return;
  pull_progress event;
  event.layer = std::move(layer);
  event.status = std::move(status);
  event.current = current;
  event.total = total;
  on_progress(event);
}

}  // namespace

// ---- one call -------------------------------------------------------------------------------------------------

class fake_engine::call {
 public:
  call(fake_engine& engine, std::string line) : engine_(engine), line_(std::move(line)) {
    if (engine_.killed_) throw fake_kill();
    engine_.calls_.push_back(line_);
    is_read_ = false;
    fire(failing::before);
  }
  struct only_reads {};
  call(fake_engine& engine, std::string line, only_reads) : engine_(engine), line_(std::move(line)), is_read_(true) {
    if (engine_.killed_) throw fake_kill();
    engine_.reads_.insert(engine_.calls_.size());
    engine_.calls_.push_back(line_);
    fire(failing::before);
  }
  /// The effect is there: the answer may get lost now.
  void acted() { fire(failing::after); }

 private:
  bool is_meant(const scripted_failure& failure) const {
    return failure.call.empty() ? !is_read_ : line_.starts_with(failure.call);
  }
  void fire(failing moment) {
    auto& armed = engine_.failures_;
    for (auto at = armed.begin(); at != armed.end(); ++at) {
      if (!is_meant(at->what)) continue;
      if (moment == failing::before) ++at->seen;
      if (at->seen != at->what.nth || at->what.when != moment) continue;
      const scripted_failure failure = at->what;
      armed.erase(at);
      raise(failure);
    }
  }
  [[noreturn]] void raise(const scripted_failure& failure) {
    if (failure.kind == failure_kind::killed) {
      engine_.killed_ = true;
      throw fake_kill();
    }
    if (failure.kind == failure_kind::lost) throw lost_answer();
    throw refusal("POST", line_, failure.status, failure.words);
  }

  docker::error lost_answer() const {
    return docker::error(docker::error_kind::not_connected, "the connection broke", docker::request_line("POST", line_),
                         docker::acted::maybe);
  }

  fake_engine& engine_;
  std::string line_;
  bool is_read_ = false;
};

void fake_engine::read(const std::string& line) { call(*this, line, call::only_reads()); }

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

void fake_engine::fail(scripted_failure failure) { failures_.push_back(armed_failure{std::move(failure), 0}); }

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
  c.id = hex64("container " + std::to_string(++ids_given_));
  c.name = name;
  c.image_id = image->id;
  c.behaviour = image->behaviour;
  c.config = merged_config(image->behaviour.config, body, c.id);
  c.host_config = default_host_config(body.find("HostConfig"));
  c.mounts = mounts_of(body, c.config, c.id);
  c.created_at = ++now_;
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
  for (const auto& [name, unused] : c.endpoints) {
    if (!is_predefined(name) && find_network(name) == nullptr) {
      refuse_start(c, 404, 128, "network " + name + " not found");
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
    if (!is_predefined(name)) add_short_id(endpoint.settings, c.id);
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

// ---- images ---------------------------------------------------------------------------------------------------

docker::task<std::optional<docker::json>> fake_engine::inspect_image(std::string reference) {
  read("inspect image " + reference);
  const fake_image* image = images_.find(reference);
  if (image == nullptr) co_return std::nullopt;
  docker::json config = image->behaviour.config;
  if (config.is_null()) config = docker::json::make_object();
  co_return docker::json::object({{"Id", image->id},
                                  {"RepoTags", docker::json::array_of(image->tags)},
                                  {"RepoDigests", docker::json::array_of(image->repo_digests)},
                                  {"Created", timestamp(0)},
                                  {"Config", std::move(config)},
                                  {"Architecture", "amd64"},
                                  {"Os", "linux"},
                                  {"Size", 1'982'312}});
}

docker::task<std::string> fake_engine::resolve_digest(std::string reference) {
  read("resolve " + reference);
  const std::string path = "/distribution/" + reference + "/json";
  if (const std::string why = images_.unreachable(reference); !why.empty()) throw refusal("GET", path, 500, why);
  const fake_image* image = images_.find_published(reference);
  if (image == nullptr) throw refusal("GET", path, 404, "manifest unknown: manifest unknown");
  co_return image->digest;
}

docker::task<> fake_engine::pull_image(std::string reference, std::string,
                                       std::function<void(const pull_progress&)> on_progress) {
  call made(*this, "pull " + reference);
  const std::string path = "/images/create?fromImage=" + reference;
  const std::string full = full_reference(reference);
  if (const std::string why = images_.unreachable(reference); !why.empty()) throw refusal("POST", path, 500, why);
  if (images_.find_published(full) == nullptr) {
    throw refusal("POST", path, 404, "manifest for " + full + " not found: manifest unknown: manifest unknown");
  }
  const std::string layer = hex64(full).substr(0, 12);
  report(on_progress, "", "Pulling from " + repository_of(full));
  report(on_progress, layer, "Pulling fs layer");
  report(on_progress, layer, "Downloading", 500'000, 1'000'000);
  if (const auto broken = images_.broken_pulls.find(full); broken != images_.broken_pulls.end()) {
    throw docker::error::in_stream(docker::request_line("POST", path), 200, broken->second);
  }
  report(on_progress, layer, "Pull complete");
  const bool is_new = images_.take_from_registry(full);
  report(on_progress, "", "Digest: " + images_.find_published(full)->digest);
  const std::string verdict = is_new ? "Downloaded newer image for " : "Image is up to date for ";
  report(on_progress, "", "Status: " + verdict + full);
  made.acted();
  co_return;
}

docker::task<> fake_engine::tag_image(std::string image, std::string reference) {
  call made(*this, "tag " + image + " as " + reference);
  const fake_image* found = images_.find(image);
  if (found == nullptr) {
    throw refusal("POST", "/images/" + image + "/tag", 404, "No such image: " + full_reference(image));
  }
  images_.tag(found->id, reference);
  made.acted();
  co_return;
}

docker::task<> fake_engine::remove_image(std::string reference) {
  call made(*this, "remove image " + reference);
  if (const fake_image* image = images_.find(reference)) {
    const auto uses = [&](const auto& entry) { return entry.second.image_id == image->id; };
    images_.remove(reference, std::any_of(containers_.begin(), containers_.end(), uses));
  }
  made.acted();
  co_return;
}

// ---- networks and volumes -------------------------------------------------------------------------------------

fake_engine::network* fake_engine::find_network(const std::string& name_or_id) {
  for (auto& [name, found] : networks_) {
    if (name == name_or_id || found.id == name_or_id) return &found;
  }
  return nullptr;
}

docker::task<std::optional<docker::json>> fake_engine::inspect_network(std::string name) {
  read("inspect network " + name);
  const network* found = find_network(name);
  if (found == nullptr) co_return std::nullopt;
  docker::json out = docker::json::object({{"Name", found->body.string_at({"Name"})},
                                           {"Id", found->id},
                                           {"Created", timestamp(found->created_at)},
                                           {"Scope", "local"},
                                           {"Driver", "bridge"},
                                           {"Internal", false},
                                           {"Attachable", false},
                                           {"Containers", docker::json::make_object()},
                                           {"Options", docker::json::make_object()},
                                           {"Labels", docker::json::make_object()}});
  for (const auto& [member, value] : found->body.object_members()) {
    if (member != "CheckDuplicate" && !value.is_null()) out[member] = value;
  }
  for (const auto& [id, c] : containers_) {
    if (c.state == fake_state::running && c.endpoints.contains(out.string_at({"Name"}))) {
      out["Containers"][id] = docker::json::object({{"Name", c.name}});
    }
  }
  co_return out;
}

docker::task<std::string> fake_engine::create_network(docker::json body) {
  const std::string name = body.string_at({"Name"});
  call made(*this, "create network " + name);
  if (networks_.contains(name) || is_predefined(name)) {
    throw refusal("POST", "/networks/create", 409, "network with name " + name + " already exists");
  }
  network created;
  created.id = hex64("network " + std::to_string(++ids_given_));
  created.body = std::move(body);
  created.created_at = ++now_;
  const std::string id = created.id;
  networks_.emplace(name, std::move(created));
  made.acted();
  co_return id;
}

docker::task<> fake_engine::remove_network(std::string name) {
  call made(*this, "remove network " + name);
  for (const auto& [id, c] : containers_) {
    if (c.is_up() && c.endpoints.contains(name)) {
      throw refusal("DELETE", "/networks/" + name, 403,
                    "error while removing network: network " + name + " id " + hex64(name) + " has active endpoints");
    }
  }
  networks_.erase(name);
  made.acted();
  co_return;
}

docker::task<> fake_engine::connect_network(std::string network_name, std::string container, docker::json settings) {
  call made(*this, "connect " + name_of(container) + " to " + network_name);
  const std::string path = "/networks/" + network_name + "/connect";
  const network* found = find_network(network_name);
  if (found == nullptr) throw refusal("POST", path, 404, "network " + network_name + " not found");
  fake_container& c = existing(container);
  const std::string name = found->body.string_at({"Name"});
  const bool is_connected = c.endpoints.contains(name);
  if (is_connected && c.is_up()) {
    throw refusal("POST", path, 403, "endpoint with name " + c.name + " already exists in network " + name);
  }
  if (!is_connected) {  // a second time, while it does not run: ignored without a word
    fake_endpoint endpoint;
    endpoint.settings = settings.is_null() ? docker::json::make_object() : std::move(settings);
    endpoint.network_id = c.is_up() ? found->id : std::string();
    add_short_id(endpoint.settings, c.id);
    c.endpoints[name] = std::move(endpoint);
  }
  made.acted();
  co_return;
}

fake_engine::volume& fake_engine::ensure_volume(const std::string& name, const docker::json& body) {
  const auto [at, is_new] = volumes_.try_emplace(name);
  volume& out = at->second;
  if (!is_new) return out;  // the engine keeps the first one's options and labels without a word
  out.body = body;
  out.created_at = ++now_;
  const std::filesystem::path root = volume_root_.empty() ? "/var/lib/docker" : volume_root_;
  out.mountpoint = root / "volumes" / name / "_data";
  if (!volume_root_.empty()) std::filesystem::create_directories(out.mountpoint);
  return out;
}

docker::task<std::optional<docker::json>> fake_engine::inspect_volume(std::string name) {
  read("inspect volume " + name);
  const auto found = volumes_.find(name);
  if (found == volumes_.end()) co_return std::nullopt;
  const docker::json* labels = found->second.body.find("Labels");
  const docker::json* options = found->second.body.find("DriverOpts");
  co_return docker::json::object({{"CreatedAt", timestamp(found->second.created_at)},
                                  {"Driver", "local"},
                                  {"Labels", labels == nullptr ? docker::json() : *labels},
                                  {"Mountpoint", found->second.mountpoint},
                                  {"Name", name},
                                  {"Options", options == nullptr ? docker::json() : *options},
                                  {"Scope", "local"}});
}

docker::task<> fake_engine::create_volume(docker::json body) {
  const std::string name = body.string_at({"Name"});
  call made(*this, "create volume " + name);
  ensure_volume(name, body);
  made.acted();
  co_return;
}

docker::task<> fake_engine::remove_volume(std::string name) {
  call made(*this, "remove volume " + name);
  for (const auto& [id, c] : containers_) {
    for (const auto& mount : c.mounts) {
      if (mount.type != "volume" || mount.name != name) continue;
      throw refusal("DELETE", "/volumes/" + name, 409, "remove " + name + ": volume is in use - [" + id + "]");
    }
  }
  if (!volume_root_.empty()) std::filesystem::remove_all(volume_root_ / "volumes" / name);
  volumes_.erase(name);
  made.acted();
  co_return;
}

docker::task<engine_facts> fake_engine::facts() {
  read("facts");
  co_return described_;
}

}  // namespace orchestration
