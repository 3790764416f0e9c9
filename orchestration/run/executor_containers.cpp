// Containers: create, stop, rename, start, remove, each made so from whatever state a kill left behind.
#include <algorithm>
#include <functional>
#include <set>

#include "docker_client/error.hpp"
#include "orchestration/files/durable_file.hpp"
#include "orchestration/plan/container_names.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/project/placed_file.hpp"
#include "orchestration/run/executor.hpp"
#include "orchestration/run/pause.hpp"
#include "orchestration/run/placed_files.hpp"

namespace orchestration {
namespace {

constexpr int evidence_log_lines = 200;  // what a person reads of a container that failed
constexpr int most_looks_for_a_task = 60;

/// It died while it started the container: containerd did start it, or is about to take back that it did.
bool finds_old_task(const docker::error& error) {
  const std::string& words = error.engine_message();  // moby 20.10, containerd 1.6, 500
  const auto says = [&words](const char* part) { return words.find(part) != std::string::npos; };
  return says("id already in use") || (says("failed to start shim: mkdir") && says("file exists"));
}

operation_error runs_unseen(const std::string& subject) {
  return {operation_error::cause::unreachable,
          subject + " is in containerd, and the daemon, which died while it started it, does not know. Restart the " +
              "daemon (systemctl restart docker), or the machine where that does not end it, then: dockupd recover"};
}

/// Each text in it passed through `change`: health checks write what they like.
docker::json changed_texts(docker::json value, const std::function<std::string(std::string)>& change) {
  if (value.is_string()) return change(value.as_string());
  if (value.is_array())
    for (docker::json& item : value.elements()) item = changed_texts(item, change);
  if (value.is_object())
    for (auto& [name, item] : value.object_members()) item = changed_texts(item, change);
  return value;
}

std::string name_of(const docker::json& inspect) {
  const std::string name = inspect.string_at({"Name"});
  return name.starts_with('/') ? name.substr(1) : name;
}

bool is_running(const docker::json& inspect) { return inspect.bool_at({"State", "Running"}); }

docker::json never_restart() { return docker::json::object({{"Name", "no"}, {"MaximumRetryCount", 0}}); }

bool same_policy(const docker::json& inspect, const docker::json& wanted) {
  // "" and "no" are the same policy (engine API, RestartPolicy).
  const auto name = [](std::string text) { return text.empty() ? std::string("no") : text; };
  const docker::json* policy = inspect.path({"HostConfig", "RestartPolicy"});
  if (policy == nullptr) return false;
  return name(policy->string_at({"Name"})) == name(wanted.string_at({"Name"})) &&
         policy->int64_at({"MaximumRetryCount"}) == wanted.int64_at({"MaximumRetryCount"});
}

docker::json said(std::string text) { return docker::json::object({{"said", std::move(text)}}); }

bool is_predefined(const std::string& network) {
  return network == "bridge" || network == "host" || network == "none" || network == "default";
}

/// A container that has run wants its network by id: `docker network prune` took it, and the one made anew under the
/// name is another. Connected again (seen on 20.10 and later) it starts.
docker::task<> join_networks_made_anew(engine& e, docker::json container) {
  const docker::json* networks = container.path({"NetworkSettings", "Networks"});
  if (networks == nullptr || !networks->is_object()) co_return;
  for (const auto& [name, endpoint] : networks->object_members()) {
    const std::string known = endpoint.string_at({"NetworkID"});
    if (known.empty() || is_predefined(name)) continue;
    const std::optional<docker::json> found = co_await e.inspect_network(name);
    if (!found || found->string_at({"Id"}) == known) continue;
    docker::json settings = docker::json::make_object();
    for (const char* member : {"Aliases", "Links", "IPAMConfig", "DriverOpts"})
      if (const docker::json* value = endpoint.find(member); value != nullptr && !value->is_null())
        settings[member] = *value;
    co_await e.connect_network(name, container.at("Id").as_string(), std::move(settings));
  }
}

}  // namespace

docker::task<executor::ids_by_service> executor::ids_of(std::vector<joined_service> joined) {
  ids_by_service out;
  for (const joined_service& j : joined) {
    const docker::json found = co_await must_look_at(j.container);
    out[j.service] = found.at("Id").as_string();
  }
  co_return out;
}

docker::task<std::string> executor::make_container(create_container o) {
  std::string wanted = o.image_id;
  const std::optional<docker::json> tagged = co_await workspace_.engine.inspect_image(o.image);
  if (wanted.empty()) {
    if (!tagged)
      throw operation_error(operation_error::cause::engine, "create " + o.target.subject + ": image " + o.image +
                                                                " is not on this engine; pull it or check the tag");
    wanted = tagged->at("Id").as_string();
  } else {
    const bool moved = !tagged || tagged->at("Id").as_string() != wanted;
    // The reference has to mean the stored image again, else compose would recreate at its next `up`.
    if (moved && o.image.find('@') == std::string::npos) co_await workspace_.engine.tag_image(wanted, o.image);
    if (moved && o.image.find('@') != std::string::npos) o.body["Image"] = wanted;
  }
  const std::optional<docker::json> image = co_await workspace_.engine.inspect_image(wanted);
  if (!image)
    throw operation_error(operation_error::cause::engine,
                          "create " + o.target.subject + ": image " + wanted + " is no longer on this engine");
  o.body["Labels"]["com.docker.compose.image"] = wanted;
  if (!o.replaces.empty()) {
    const std::optional<docker::json> old = co_await workspace_.engine.inspect_container(o.replaces);
    const docker::json* config = image->find("Config");
    if (old) carry_anonymous_volumes(o.body, *old, config == nullptr ? docker::json() : *config);
  }
  const ids_by_service joined = co_await ids_of(o.joins);
  resolve_containers(o.body, joined);
  if (!o.hashed.is_null()) o.body["Labels"]["com.docker.compose.config-hash"] = hash_of(o.hashed, joined);
  co_return co_await workspace_.engine.create_container(o.temporary_name, o.body, o.platform);
}

docker::task<std::string> executor::find_made(create_container o) {
  const std::optional<docker::json> found = co_await look_at(o.target);
  if (!found) co_return std::string();
  std::string id = found->at("Id").as_string();
  if (o.joins.empty()) co_return id;
  const std::set<std::string> joined = containers_joined_by(found->at("HostConfig"));
  const ids_by_service wanted = co_await ids_of(o.joins);
  const bool all_joined = std::all_of(
      wanted.begin(), wanted.end(), [&](const auto& service_and_id) { return joined.contains(service_and_id.second); });
  if (all_joined) co_return id;
  // A power cut, or somebody, has taken the one that it joined, and that has been made again.
  if (is_running(*found)) co_await workspace_.engine.stop_container(id, std::nullopt);
  co_await workspace_.engine.remove_container(id);
  co_return std::string();
}

executor::result executor::ensure(create_container o) {
  const std::string existing = co_await find_made(o);
  std::string id = existing;
  if (existing.empty()) id = co_await make_container(o);
  const std::optional<docker::json> created = co_await workspace_.engine.inspect_container(id);
  for (const auto& [network, endpoint] : o.connect_after) {
    const bool attached = created && created->path({"NetworkSettings", "Networks", network}) != nullptr;
    if (!attached) co_await workspace_.engine.connect_network(network, id, endpoint);
  }
  // Again when it was made before: only the engine knows whether they are all in it.
  if (!o.files.is_null() && created && !is_running(*created))
    co_await place_files(workspace_.engine, id, placed_files_from_json(o.files));
  docker::json detail = said(existing.empty() ? "created " + id.substr(0, 12) : "already there");
  detail["container_id"] = id;
  co_return detail;
}

executor::result executor::ensure(stop_container o) {
  const std::optional<docker::json> before = co_await look_at(o.target);
  if (!before) co_return said("not there");
  const std::string id = before->at("Id").as_string();
  const bool ran = is_running(*before);
  if (ran) co_await workspace_.engine.stop_container(id, o.grace_period);
  // Disarmed: a container that was stopped by hand comes back at the next daemon start when its policy is "always".
  const docker::json policy = never_restart();
  if (!before->bool_at({"HostConfig", "AutoRemove"}) && !same_policy(*before, policy))
    co_await workspace_.engine.set_restart_policy(id, policy);
  std::optional<docker::json> after = co_await workspace_.engine.inspect_container(id);
  if (after && is_running(*after)) {
    // An engine that died between the two calls has started it again, by the policy that it had then.
    co_await workspace_.engine.stop_container(id, o.grace_period);
    after = co_await workspace_.engine.inspect_container(id);
  }
  if (after && is_running(*after))
    throw operation_error(operation_error::cause::engine,
                          "stop " + o.target.subject + ": the engine stopped it, but it runs again");
  co_await await_end_unseen(id, o.target.subject);
  co_return said(ran ? "stopped" : "was not running");
}

executor::result executor::ensure(rename_container o) {
  const std::optional<docker::json> found = co_await look_at(o.target);
  if (!found) co_return said("not there");
  if (name_of(*found) == o.to) co_return said("already so");
  co_await workspace_.engine.rename_container(found->at("Id").as_string(), o.to);
  co_return docker::json();
}

docker::task<> executor::await_end_unseen(std::string id, std::string subject) {
  for (int looks = 1; workspace_.engine.has_processes(id); ++looks) {
    if (looks == most_looks_for_a_task) throw runs_unseen(subject);
    co_await pause_for(workspace_.between_looks_for_a_task);
  }
}

docker::task<> executor::start_once_gone(std::string id, std::string subject) {
  for (int looks = 1;; ++looks) {
    bool is_there = false;
    try {
      co_await workspace_.engine.start_container(id);
    } catch (const docker::error& error) {
      is_there = finds_old_task(error);
      if (!is_there) throw;
    }
    if (!is_there) co_return;
    if (looks == most_looks_for_a_task) throw runs_unseen(subject);
    co_await pause_for(workspace_.between_looks_for_a_task);
  }
}

bool executor::has_completed(const start_container& o) const {
  if (o.until != goal::completed) return false;
  const std::vector<journal_step> steps = workspace_.records.journal(attempt_id_);
  return std::any_of(plan_.operations.begin(), plan_.operations.end(), [&](const operation& each) {
    const auto* start = std::get_if<start_container>(&each.what);
    return start != nullptr && start->target == o.target &&
           std::any_of(steps.begin(), steps.end(), [&](const journal_step& s) {
             return s.plan == which_ && s.number == each.number && !s.done_at.empty();
           });
  });
}

executor::result executor::ensure(start_container o) {
  // Whose container was pruned since, and is made anew: what it did is in the data, and is not done twice.
  if (has_completed(o)) co_return said("completed before");
  const docker::json found = co_await must_look_at(o.target);
  const std::string id = found.at("Id").as_string();
  // It would run beside what has its name, as a recovery may find it that makes again what is gone.
  if (o.target.id.empty() && belongs_to_attempt(name_of(found)))
    throw operation_error(operation_error::cause::start, "start " + o.target.subject + ": it is called " +
                                                             name_of(found) + ", as another container has its name");
  if (!o.restart_policy.is_null() && !same_policy(found, o.restart_policy))
    co_await workspace_.engine.set_restart_policy(id, o.restart_policy);
  if (o.leave == run_state::stopped) co_return said("re-armed");
  if (o.leave == run_state::paused && found.bool_at({"State", "Paused"})) co_return said("already paused");
  // A one-shot that has run is not run again: its exit code is the answer.
  const std::string status = found.string_at({"State", "Status"});
  const bool has_run = o.until == goal::completed && status == "exited";
  if (!has_run && !is_running(found)) {
    co_await join_networks_made_anew(workspace_.engine, found);
    co_await start_once_gone(id, o.target.subject);
  }
  co_await await_goal(o, id);
  if (o.leave == run_state::paused) {
    const std::optional<docker::json> now = co_await workspace_.engine.inspect_container(id);
    if (now && !now->bool_at({"State", "Paused"})) co_await workspace_.engine.pause_container(id);
  }
  switch (o.until) {
    case goal::completed:
      co_return said("completed");
    case goal::healthy:
      co_return said("healthy");
    case goal::started:
      break;
  }
  co_return said("started");
}

std::string executor::keep_evidence(const docker::json& inspect, const std::string& subject, const std::string& lines) {
  const std::filesystem::path base = workspace_.evidence / (attempt_id_ + "-" + subject);
  try {
    ensure_private_directory(workspace_.evidence);
    write_durably(base.string() + ".log", lines);
    // State alone: Config holds the environment, and with it secrets.
    const docker::json* state = inspect.find("State");
    const docker::json shown =
        state == nullptr ? docker::json::make_object() : changed_texts(*state, workspace_.redact);
    write_durably(base.string() + ".state.json", shown.to_pretty_text());
  } catch (const std::runtime_error&) {
    return {};  // a full disk must not stop the way back
  }
  return base.string() + ".log";
}

executor::result executor::ensure(remove_container o) {
  const std::optional<docker::json> found = co_await look_at(o.target);
  if (!found) co_return said("not there");
  const std::string id = found->at("Id").as_string();
  docker::json detail = docker::json::make_object();
  if (o.evidence && !workspace_.evidence.empty()) {
    const std::string lines = co_await last_lines(id, evidence_log_lines);
    const std::string file = keep_evidence(*found, o.target.subject, lines);
    if (!file.empty()) detail["evidence"] = file;
  }
  if (is_running(*found)) co_await workspace_.engine.stop_container(id, std::nullopt);
  co_await workspace_.engine.remove_container(id);
  co_return detail;
}

}  // namespace orchestration
