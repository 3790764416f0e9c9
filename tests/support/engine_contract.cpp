#include "tests/support/engine_contract.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <ostream>

#include "docker_client/error.hpp"

namespace orchestration {

using docker::json;
using docker::task;

/// What a scenario works with; remembers what to clean up.
class contract_run {
 public:
  contract_run(engine& under_test, contract_setting setting) : e(under_test), setting_(std::move(setting)) {}

  engine& e;
  const contract_images& images() const { return setting_.images; }

  task<std::string> create(std::string name, json body);
  task<std::string> create_running(std::string name, std::string image);
  task<std::string> create_network(std::string name);
  task<> create_volume(std::string name, json body);
  task<> tag(std::string image, std::string reference);
  task<> clean_up();

  task<json> inspected(std::string id);  // throws when there is none
  /// Polls until `holds`, for as long as the setting's deadline; returns the last answer, whether it holds or not.
  task<json> until(std::string id, bool (*holds)(const json&));
  task<> wait_a_moment();
  std::chrono::seconds deadline() const { return setting_.deadline; }

 private:
  contract_setting setting_;
  std::vector<std::string> containers_, networks_, volumes_, tags_;
};

namespace {

std::string status_of(const json& inspect) { return inspect.string_at({"State", "Status"}); }
bool is_exited(const json& inspect) { return status_of(inspect) == "exited"; }
bool is_healthy(const json& inspect) { return inspect.string_at({"State", "Health", "Status"}) == "healthy"; }
bool has_restarted_twice(const json& inspect) { return inspect.int64_at({"RestartCount"}) >= 2; }

json body_for(const std::string& image) { return json::object({{"Image", image}}); }

json labelled(const std::string& image, const std::string& label, const std::string& value) {
  json body = body_for(image);
  body["Labels"] = json::object({{label, value}});
  return body;
}

json publishing(const std::string& image, const std::string& port) {
  json body = body_for(image);
  json binding = json::make_array();
  binding.push_back(json::object({{"HostPort", port}}));
  body["ExposedPorts"]["80/tcp"] = json::make_object();
  body["HostConfig"]["PortBindings"]["80/tcp"] = std::move(binding);
  return body;
}

bool contains(const json* list, const std::string& text) {
  if (list == nullptr || !list->is_array()) return false;
  const auto& all = list->elements();
  return std::find(all.begin(), all.end(), json(text)) != all.end();
}

std::string repository_part(const std::string& reference) { return reference.substr(0, reference.rfind(':')); }

/// The status of the refusal; 0 when there was none.
struct refusal_seen {
  refusal_seen() = default;
  int status = 0;
  std::string words;
  bool thrown = false;
};

template <class T>
task<refusal_seen> refusal_of(task<T> doing) {
  refusal_seen out;
  try {
    co_await std::move(doing);
  } catch (const docker::error& error) {
    out.thrown = true;
    out.status = error.status();
    out.words = error.what();
  }
  co_return out;
}

std::vector<std::string> ids_of(const std::vector<json>& listed) {
  std::vector<std::string> out;
  for (const auto& one : listed) out.push_back(one.string_at({"Id"}));
  std::sort(out.begin(), out.end());
  return out;
}

// ---- containers -----------------------------------------------------------------------------------------------

task<> created_container_is_as_asked_for(contract_run& run) {
  const std::string id = co_await run.create("contract-a", labelled(run.images().runs, "contract.role", "web"));
  const json seen = co_await run.inspected(id);
  EXPECT_EQ(id.size(), 64u);
  EXPECT_EQ(seen.string_at({"Id"}), id);
  EXPECT_EQ(seen.string_at({"Name"}), "/contract-a");
  EXPECT_EQ(status_of(seen), "created");
  EXPECT_FALSE(seen.bool_at({"State", "Running"}, true));
  EXPECT_EQ(seen.string_at({"State", "StartedAt"}), "0001-01-01T00:00:00Z");
  EXPECT_EQ(seen.string_at({"Config", "Image"}), run.images().runs);
  EXPECT_EQ(seen.string_at({"Config", "Labels", "contract.role"}), "web");
  EXPECT_EQ(seen.int64_at({"RestartCount"}, -1), 0);
  EXPECT_EQ(seen.path({"State", "Health"}), nullptr);
  const auto image = co_await run.e.inspect_image(run.images().runs);
  EXPECT_EQ(seen.string_at({"Image"}), image ? image->string_at({"Id"}) : "");
}

task<> container_is_found_by_name_and_by_id(contract_run& run) {
  const std::string id = co_await run.create("contract-a", body_for(run.images().runs));
  const json by_name = co_await run.inspected("contract-a");
  const json by_short_id = co_await run.inspected(id.substr(0, 12));
  EXPECT_EQ(by_name.string_at({"Id"}), id);
  EXPECT_EQ(by_short_id.string_at({"Id"}), id);
}

task<> container_lives_its_life(contract_run& run) {
  const std::string id = co_await run.create("contract-a", body_for(run.images().runs));
  co_await run.e.start_container(id);
  const json started = co_await run.inspected(id);
  EXPECT_EQ(status_of(started), "running");
  EXPECT_TRUE(started.bool_at({"State", "Running"}));
  EXPECT_NE(started.string_at({"State", "StartedAt"}), "0001-01-01T00:00:00Z");
  co_await run.e.stop_container(id, std::chrono::seconds(10));
  const json stopped = co_await run.inspected(id);
  EXPECT_EQ(status_of(stopped), "exited");
  EXPECT_EQ(stopped.int64_at({"State", "ExitCode"}, -1), 0);
  co_await run.e.start_container(id);
  const json again = co_await run.inspected(id);
  EXPECT_EQ(status_of(again), "running");
  EXPECT_NE(again.string_at({"State", "StartedAt"}), started.string_at({"State", "StartedAt"}));
  co_await run.e.stop_container(id, std::nullopt);
  co_await run.e.remove_container(id);
  const auto gone = co_await run.e.inspect_container(id);
  EXPECT_FALSE(gone.has_value());
}

task<> repeating_a_step_is_fine(contract_run& run) {
  const std::string id = co_await run.create("contract-a", body_for(run.images().runs));
  co_await run.e.stop_container(id, std::nullopt);  // never started
  const json created = co_await run.inspected(id);
  EXPECT_EQ(status_of(created), "created");
  co_await run.e.start_container(id);
  const json started = co_await run.inspected(id);
  co_await run.e.start_container(id);
  const json started_again = co_await run.inspected(id);
  EXPECT_EQ(started.string_at({"State", "StartedAt"}), started_again.string_at({"State", "StartedAt"}));
  co_await run.e.stop_container(id, std::chrono::seconds(10));
  co_await run.e.stop_container(id, std::chrono::seconds(10));
  co_await run.e.remove_container(id);
  co_await run.e.remove_container(id);
}

task<> missing_container_cannot_be_worked_on(contract_run& run) {
  const auto missing = co_await run.e.inspect_container("contract-missing");
  EXPECT_FALSE(missing.has_value());
  const auto start = co_await refusal_of(run.e.start_container("contract-missing"));
  EXPECT_EQ(start.status, 404);
  EXPECT_NE(start.words.find("No such container: contract-missing"), std::string::npos) << start.words;
  const auto stop = co_await refusal_of(run.e.stop_container("contract-missing", std::nullopt));
  EXPECT_EQ(stop.status, 404);
  const auto rename = co_await refusal_of(run.e.rename_container("contract-missing", "contract-b"));
  EXPECT_EQ(rename.status, 404);
  const json policy = json::object({{"Name", "no"}});
  const auto update = co_await refusal_of(run.e.set_restart_policy("contract-missing", policy));
  EXPECT_EQ(update.status, 404);
  const auto logs = co_await refusal_of(run.e.last_log_lines("contract-missing", 5));
  EXPECT_EQ(logs.status, 404);
}

task<> taken_name_is_refused_and_the_holder_named(contract_run& run) {
  const std::string id = co_await run.create("contract-a", body_for(run.images().runs));
  const auto second = co_await refusal_of(run.create("contract-a", body_for(run.images().runs)));
  EXPECT_EQ(second.status, 409);
  EXPECT_NE(second.words.find(id), std::string::npos) << second.words;
  const json holder = co_await run.inspected("contract-a");
  EXPECT_EQ(holder.string_at({"Id"}), id);
}

task<> bad_name_is_refused(contract_run& run) {
  const auto refused = co_await refusal_of(run.create("-contract", body_for(run.images().runs)));
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.words.find("Invalid container name"), std::string::npos) << refused.words;
}

task<> unknown_image_cannot_be_created_from(contract_run& run) {
  const std::string unknown = "contract.local/none:v1";
  const auto refused = co_await refusal_of(run.create("contract-a", body_for(unknown)));
  EXPECT_EQ(refused.status, 404);
  EXPECT_NE(refused.words.find("No such image: " + unknown), std::string::npos) << refused.words;
  const auto name_is_free = co_await run.e.inspect_container("contract-a");
  EXPECT_FALSE(name_is_free.has_value());
}

task<> renaming_frees_the_old_name(contract_run& run) {
  const std::string old_id = co_await run.create("contract-a", body_for(run.images().runs));
  co_await run.e.start_container(old_id);
  co_await run.e.rename_container(old_id, "contract-a.old");
  const std::string new_id = co_await run.create("contract-a", body_for(run.images().runs));
  const json renamed = co_await run.inspected(old_id);
  EXPECT_EQ(renamed.string_at({"Name"}), "/contract-a.old");
  EXPECT_EQ(status_of(renamed), "running");
  const auto taken = co_await refusal_of(run.e.rename_container(old_id, "contract-a"));
  EXPECT_EQ(taken.status, 409);
  EXPECT_NE(taken.words.find(new_id), std::string::npos) << taken.words;
}

task<> renaming_to_its_own_name_is_fine(contract_run& run) {
  const std::string id = co_await run.create("contract-a", body_for(run.images().runs));
  co_await run.e.rename_container(id, "contract-a");
  const json seen = co_await run.inspected(id);
  EXPECT_EQ(seen.string_at({"Name"}), "/contract-a");
}

task<> running_or_paused_container_is_not_removed(contract_run& run) {
  const std::string id = co_await run.create_running("contract-a", run.images().runs);
  const auto running = co_await refusal_of(run.e.remove_container(id));
  EXPECT_EQ(running.status, 409);
  co_await run.e.pause_container(id);
  const auto paused = co_await refusal_of(run.e.remove_container(id));
  EXPECT_EQ(paused.status, 409);
  const json seen = co_await run.inspected(id);
  EXPECT_EQ(status_of(seen), "paused");
}

task<> container_is_paused_and_let_go(contract_run& run) {
  const std::string id = co_await run.create("contract-a", body_for(run.images().runs));
  const auto too_early = co_await refusal_of(run.e.pause_container(id));
  EXPECT_EQ(too_early.status, 409);
  co_await run.e.start_container(id);
  co_await run.e.pause_container(id);
  co_await run.e.pause_container(id);
  const json paused = co_await run.inspected(id);
  EXPECT_EQ(status_of(paused), "paused");
  EXPECT_TRUE(paused.bool_at({"State", "Running"}));
  EXPECT_TRUE(paused.bool_at({"State", "Paused"}));
  const auto start = co_await refusal_of(run.e.start_container(id));
  EXPECT_EQ(start.status, 409);
  co_await run.e.unpause_container(id);
  co_await run.e.unpause_container(id);
  const json running = co_await run.inspected(id);
  EXPECT_EQ(status_of(running), "running");
}

task<> stopping_a_paused_container_lets_it_end_by_itself(contract_run& run) {
  const std::string id = co_await run.create_running("contract-a", run.images().runs);
  co_await run.e.pause_container(id);
  co_await run.e.stop_container(id, std::chrono::seconds(10));
  const json seen = co_await run.inspected(id);
  EXPECT_EQ(status_of(seen), "exited");
  EXPECT_EQ(seen.int64_at({"State", "ExitCode"}, -1), 0) << "killed instead of asked to stop";
}

task<> restart_policy_is_set(contract_run& run) {
  json body = body_for(run.images().runs);
  body["HostConfig"]["RestartPolicy"] = json::object({{"Name", "unless-stopped"}, {"MaximumRetryCount", 0}});
  const std::string id = co_await run.create("contract-a", body);
  const json before = co_await run.inspected(id);
  EXPECT_EQ(before.string_at({"HostConfig", "RestartPolicy", "Name"}), "unless-stopped");
  const json none = json::object({{"Name", "no"}});
  co_await run.e.set_restart_policy(id, none);
  const json disarmed = co_await run.inspected(id);
  EXPECT_EQ(disarmed.string_at({"HostConfig", "RestartPolicy", "Name"}), "no");
  co_await run.e.start_container(id);
  const json retrying = json::object({{"Name", "on-failure"}, {"MaximumRetryCount", 3}});
  co_await run.e.set_restart_policy(id, retrying);
  const json armed = co_await run.inspected(id);
  EXPECT_EQ(armed.string_at({"HostConfig", "RestartPolicy", "Name"}), "on-failure");
  EXPECT_EQ(armed.int64_at({"HostConfig", "RestartPolicy", "MaximumRetryCount"}), 3);
  const json unknown = json::object({{"Name", "sometimes"}});
  const auto refused = co_await refusal_of(run.e.set_restart_policy(id, unknown));
  EXPECT_EQ(refused.status, 400);
}

task<> failing_container_is_restarted_by_its_policy_until_stopped(contract_run& run) {
  json body = body_for(run.images().exits_1);
  body["HostConfig"]["RestartPolicy"] = json::object({{"Name", "always"}});
  const std::string id = co_await run.create("contract-a", body);
  co_await run.e.start_container(id);
  const json looping = co_await run.until(id, &has_restarted_twice);
  EXPECT_GE(looping.int64_at({"RestartCount"}), 2);
  co_await run.e.stop_container(id, std::chrono::seconds(1));
  const json stopped = co_await run.inspected(id);
  EXPECT_EQ(status_of(stopped), "exited");
  EXPECT_FALSE(stopped.bool_at({"State", "Running"}, true));
}

task<> exit_code_is_seen(contract_run& run) {
  const std::string good = co_await run.create_running("contract-a", run.images().exits_0);
  const json good_end = co_await run.until(good, &is_exited);
  EXPECT_EQ(status_of(good_end), "exited");
  EXPECT_EQ(good_end.int64_at({"State", "ExitCode"}, -1), 0);
  const std::string bad = co_await run.create_running("contract-b", run.images().exits_1);
  const json bad_end = co_await run.until(bad, &is_exited);
  EXPECT_EQ(status_of(bad_end), "exited");
  EXPECT_EQ(bad_end.int64_at({"State", "ExitCode"}, -1), 1);
  EXPECT_FALSE(bad_end.bool_at({"State", "OOMKilled"}, true));
}

task<> health_goes_from_starting_to_healthy(contract_run& run) {
  const std::string id = co_await run.create_running("contract-a", run.images().checked);
  const json first = co_await run.inspected(id);
  EXPECT_NE(first.path({"State", "Health", "Log"}), nullptr);
  const json last = co_await run.until(id, &is_healthy);
  EXPECT_TRUE(is_healthy(last)) << last.to_text();
  EXPECT_GE(last.path({"State", "Health", "Log"})->size(), 1u);
}

task<> last_log_lines_are_the_last(contract_run& run) {
  const std::string id = co_await run.create_running("contract-a", run.images().runs);
  const auto until = std::chrono::steady_clock::now() + run.deadline();
  std::string lines;
  while (lines != "line 2\nline 3\n" && std::chrono::steady_clock::now() < until) {
    lines = co_await run.e.last_log_lines(id, 2);
    co_await run.wait_a_moment();
  }
  EXPECT_EQ(lines, "line 2\nline 3\n");
}

task<> containers_are_listed_by_label_in_every_state(contract_run& run) {
  json both = labelled(run.images().runs, "contract.project", "shop");
  both["Labels"]["contract.service"] = "web";
  const std::string running = co_await run.create("contract-a", both);
  co_await run.e.start_container(running);
  const std::string created =
      co_await run.create("contract-b", labelled(run.images().runs, "contract.project", "shop"));
  const std::string other = co_await run.create("contract-c", labelled(run.images().runs, "contract.project", "other"));

  const std::vector<std::string> of_shop(1, "contract.project=shop");
  std::vector<std::string> expected = {running, created};
  std::sort(expected.begin(), expected.end());
  const auto shop = co_await run.e.list_containers(of_shop);
  EXPECT_EQ(ids_of(shop), expected);

  std::vector<std::string> of_web = of_shop;
  of_web.push_back("contract.service=web");
  const auto web = co_await run.e.list_containers(of_web);
  EXPECT_EQ(ids_of(web), std::vector<std::string>(1, running));

  const std::vector<std::string> any_project(1, "contract.project");
  const auto all = co_await run.e.list_containers(any_project);
  EXPECT_EQ(all.size(), 3u);
  const std::vector<std::string> of_nobody(1, "contract.project=none");
  const auto none = co_await run.e.list_containers(of_nobody);
  EXPECT_TRUE(none.empty());
}

task<> taken_port_is_refused_at_start(contract_run& run) {
  const std::string first = co_await run.create("contract-a", publishing(run.images().runs, "18099"));
  const std::string second = co_await run.create("contract-b", publishing(run.images().runs, "18099"));
  co_await run.e.start_container(first);
  const auto refused = co_await refusal_of(run.e.start_container(second));
  EXPECT_EQ(refused.status, 500);
  EXPECT_NE(refused.words.find("18099 failed: port is already allocated"), std::string::npos) << refused.words;
  const json left = co_await run.inspected(second);
  EXPECT_EQ(status_of(left), "created");
  EXPECT_EQ(left.int64_at({"State", "ExitCode"}), 128);
  EXPECT_NE(left.string_at({"State", "Error"}).find("port is already allocated"), std::string::npos);
  co_await run.e.stop_container(first, std::chrono::seconds(10));
  co_await run.e.start_container(second);
  const json started = co_await run.inspected(second);
  EXPECT_EQ(status_of(started), "running");
}

// ---- networks and volumes -------------------------------------------------------------------------------------

task<> network_is_created_once_and_removed(contract_run& run) {
  const auto missing = co_await run.e.inspect_network("contract-net");
  EXPECT_FALSE(missing.has_value());
  const std::string id = co_await run.create_network("contract-net");
  const auto seen = co_await run.e.inspect_network("contract-net");
  EXPECT_TRUE(seen.has_value());
  if (seen) {
    EXPECT_EQ(seen->string_at({"Id"}), id);
    EXPECT_EQ(seen->string_at({"Name"}), "contract-net");
    EXPECT_EQ(seen->string_at({"Labels", "contract.key"}), "value");
  }
  const auto second = co_await refusal_of(run.create_network("contract-net"));
  EXPECT_EQ(second.status, 409);
  co_await run.e.remove_network("contract-net");
  co_await run.e.remove_network("contract-net");
  const auto gone = co_await run.e.inspect_network("contract-net");
  EXPECT_FALSE(gone.has_value());
}

task<> container_joins_networks_with_its_aliases(contract_run& run) {
  const std::string first_net = co_await run.create_network("contract-net1");
  const std::string second_net = co_await run.create_network("contract-net2");
  json body = body_for(run.images().runs);
  json aliases = json::make_array();
  aliases.push_back("web");
  body["HostConfig"]["NetworkMode"] = "contract-net1";
  body["NetworkingConfig"]["EndpointsConfig"]["contract-net1"]["Aliases"] = aliases;
  const std::string id = co_await run.create("contract-a", body);
  const json endpoint = json::object({{"Aliases", aliases}});
  co_await run.e.connect_network("contract-net2", id, endpoint);
  co_await run.e.start_container(id);
  const json seen = co_await run.inspected(id);
  for (const std::string name : {"contract-net1", "contract-net2"}) {
    EXPECT_TRUE(contains(seen.path({"NetworkSettings", "Networks", name, "Aliases"}), "web")) << name;
  }
  EXPECT_EQ(seen.string_at({"NetworkSettings", "Networks", "contract-net1", "NetworkID"}), first_net);
  EXPECT_EQ(seen.string_at({"NetworkSettings", "Networks", "contract-net2", "NetworkID"}), second_net);
  const auto in_use = co_await refusal_of(run.e.remove_network("contract-net2"));
  EXPECT_EQ(in_use.status, 403);
  const auto unknown = co_await refusal_of(run.e.connect_network("contract-none", id, endpoint));
  EXPECT_EQ(unknown.status, 404);
}

task<> network_that_is_gone_fails_the_start(contract_run& run) {
  json body = body_for(run.images().runs);
  body["HostConfig"]["NetworkMode"] = "contract-gone";
  const std::string id = co_await run.create("contract-a", body);
  const auto refused = co_await refusal_of(run.e.start_container(id));
  EXPECT_EQ(refused.status, 404);
  EXPECT_NE(refused.words.find("network contract-gone not found"), std::string::npos) << refused.words;
  const json left = co_await run.inspected(id);
  EXPECT_EQ(status_of(left), "created");
}

task<> volume_created_twice_is_the_first(contract_run& run) {
  const auto missing = co_await run.e.inspect_volume("contract-vol");
  EXPECT_FALSE(missing.has_value());
  json body = json::object({{"Name", "contract-vol"}});
  body["Labels"]["contract.key"] = "first";
  co_await run.create_volume("contract-vol", body);
  body["Labels"]["contract.key"] = "second";
  co_await run.create_volume("contract-vol", body);
  const auto seen = co_await run.e.inspect_volume("contract-vol");
  EXPECT_TRUE(seen.has_value());
  if (seen) {
    EXPECT_EQ(seen->string_at({"Labels", "contract.key"}), "first");
    EXPECT_EQ(seen->string_at({"Driver"}), "local");
    EXPECT_FALSE(seen->string_at({"Mountpoint"}).empty());
  }
  co_await run.e.remove_volume("contract-vol");
  co_await run.e.remove_volume("contract-vol");
  const auto gone = co_await run.e.inspect_volume("contract-vol");
  EXPECT_FALSE(gone.has_value());
}

task<> volumes_outlive_their_container(contract_run& run) {
  json body = body_for(run.images().runs);
  json binds = json::make_array();
  binds.push_back("contract-vol:/data");
  body["HostConfig"]["Binds"] = binds;
  body["Volumes"]["/anonymous"] = json::make_object();
  const std::string id = co_await run.create("contract-a", body);
  const json seen = co_await run.inspected(id);
  std::string anonymous, named;
  const json* mounts = seen.find("Mounts");
  for (const auto& mount : mounts->elements()) {
    EXPECT_EQ(mount.string_at({"Type"}), "volume");
    EXPECT_TRUE(mount.bool_at({"RW"}));
    if (mount.string_at({"Destination"}) == "/anonymous") anonymous = mount.string_at({"Name"});
    if (mount.string_at({"Destination"}) == "/data") named = mount.string_at({"Name"});
  }
  EXPECT_EQ(mounts->size(), 2u);
  EXPECT_EQ(named, "contract-vol");
  EXPECT_EQ(anonymous.size(), 64u);
  const auto in_use = co_await refusal_of(run.e.remove_volume("contract-vol"));
  EXPECT_EQ(in_use.status, 409);
  co_await run.e.remove_container(id);
  const std::vector<std::string> volumes = {named, anonymous};
  for (const auto& name : volumes) {
    const auto kept = co_await run.e.inspect_volume(name);
    EXPECT_TRUE(kept.has_value()) << name;
    co_await run.e.remove_volume(name);
  }
}

// ---- images ---------------------------------------------------------------------------------------------------

task<> image_is_tagged_again(contract_run& run) {
  const std::string keep = "contract.local/keep/web:r1";
  co_await run.tag(run.images().runs, keep);
  const auto source = co_await run.e.inspect_image(run.images().runs);
  const auto kept = co_await run.e.inspect_image(keep);
  EXPECT_TRUE(source && kept && source->string_at({"Id"}) == kept->string_at({"Id"}));
  EXPECT_TRUE(contains(kept->find("RepoTags"), keep));
  co_await run.tag(run.images().exits_0, keep);  // the tag moves
  const auto moved = co_await run.e.inspect_image(keep);
  const auto other = co_await run.e.inspect_image(run.images().exits_0);
  EXPECT_TRUE(moved && other && moved->string_at({"Id"}) == other->string_at({"Id"}));
  co_await run.e.remove_image(keep);
  co_await run.e.remove_image(keep);
  const auto gone = co_await run.e.inspect_image(keep);
  const auto still = co_await run.e.inspect_image(run.images().exits_0);
  EXPECT_FALSE(gone.has_value());
  EXPECT_TRUE(still.has_value());
  const auto unknown = co_await refusal_of(run.tag("contract.local/none:v1", keep));
  EXPECT_EQ(unknown.status, 404);
}

task<> image_in_use_is_kept_without_a_word(contract_run& run) {
  co_await run.create("contract-a", body_for(run.images().runs));
  co_await run.e.remove_image(run.images().runs);
  const auto kept = co_await run.e.inspect_image(run.images().runs);
  EXPECT_TRUE(kept.has_value());
}

void ignore_progress(const pull_progress&) {}

task<> published_image_is_pulled_by_tag_and_by_digest(contract_run& run) {
  const std::string tag = run.images().published;
  const std::string pinned = repository_part(tag) + "@" + run.images().digest;
  co_await run.e.remove_image(tag);
  const auto before = co_await run.e.inspect_image(tag);
  EXPECT_FALSE(before.has_value());

  std::vector<std::string> said;
  const std::function<void(const pull_progress&)> listen = [&said](const pull_progress& p) {
    said.push_back(p.status);
  };
  co_await run.e.pull_image(tag, "", listen);
  EXPECT_FALSE(said.empty());
  const auto pulled = co_await run.e.inspect_image(tag);
  EXPECT_TRUE(pulled && contains(pulled->find("RepoDigests"), pinned));
  const std::function<void(const pull_progress&)> ignore = &ignore_progress;
  co_await run.e.pull_image(tag, "", ignore);  // up to date

  co_await run.e.remove_image(tag);
  const auto removed = co_await run.e.inspect_image(tag);
  EXPECT_FALSE(removed.has_value());
  co_await run.e.pull_image(pinned, "", ignore);
  const auto by_digest = co_await run.e.inspect_image(pinned);
  EXPECT_TRUE(by_digest && contains(by_digest->find("RepoDigests"), pinned));
  const auto by_tag = co_await run.e.inspect_image(tag);
  EXPECT_FALSE(by_tag.has_value()) << "a pull by digest does not bring the tag";
  co_await run.create("contract-a", body_for(pinned));
  const json container = co_await run.inspected("contract-a");
  EXPECT_EQ(container.string_at({"Image"}), by_digest->string_at({"Id"}));
  co_await run.e.remove_container("contract-a");
  co_await run.e.remove_image(pinned);
}

task<> unknown_tag_is_not_pulled(contract_run& run) {
  const std::function<void(const pull_progress&)> ignore = &ignore_progress;
  const auto refused = co_await refusal_of(run.e.pull_image(run.images().unknown_tag, "", ignore));
  EXPECT_TRUE(refused.thrown);
  EXPECT_NE(refused.words.find("manifest for " + run.images().unknown_tag + " not found"), std::string::npos)
      << refused.words;
  const auto local = co_await run.e.inspect_image(run.images().unknown_tag);
  EXPECT_FALSE(local.has_value());
}

task<> silent_registry_is_an_error(contract_run& run) {
  const std::function<void(const pull_progress&)> ignore = &ignore_progress;
  const auto pull = co_await refusal_of(run.e.pull_image(run.images().unreachable, "", ignore));
  EXPECT_EQ(pull.status, 500);
  EXPECT_NE(pull.words.find("connection refused"), std::string::npos) << pull.words;
  const auto resolve = co_await refusal_of(run.e.resolve_digest(run.images().unreachable));
  EXPECT_EQ(resolve.status, 500);
}

task<> tag_is_resolved_to_what_the_registry_has(contract_run& run) {
  const std::string digest = co_await run.e.resolve_digest(run.images().published);
  EXPECT_EQ(digest, run.images().digest);
  const std::string again = co_await run.e.resolve_digest(repository_part(run.images().published) + "@" + digest);
  EXPECT_EQ(again, digest);
  const auto unknown = co_await refusal_of(run.e.resolve_digest(run.images().unknown_tag));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_NE(unknown.words.find("manifest unknown"), std::string::npos) << unknown.words;
}

task<> facts_are_there(contract_run& run) {
  const engine_facts facts = co_await run.e.facts();
  EXPECT_FALSE(facts.id.empty());
  EXPECT_FALSE(facts.version.empty());
  EXPECT_EQ(facts.api_major, 1);
  EXPECT_GE(facts.api_minor, 41);
  EXPECT_TRUE(facts.data_root.starts_with("/"));
  EXPECT_TRUE(facts.platform.starts_with("linux/")) << facts.platform;
  const engine_facts again = co_await run.e.facts();
  EXPECT_EQ(again.id, facts.id);
}

}  // namespace

// ---- running one ----------------------------------------------------------------------------------------------

task<std::string> contract_run::create(std::string name, json body) {
  containers_.push_back(name);
  const std::string id = co_await e.create_container(name, std::move(body), "");
  containers_.back() = id;
  co_return id;
}

task<std::string> contract_run::create_running(std::string name, std::string image) {
  const std::string id = co_await create(std::move(name), body_for(image));
  co_await e.start_container(id);
  co_return id;
}

task<std::string> contract_run::create_network(std::string name) {
  json body = json::object({{"Name", name}, {"CheckDuplicate", true}});
  body["Labels"]["contract.key"] = "value";
  networks_.push_back(name);
  co_return co_await e.create_network(std::move(body));
}

task<> contract_run::create_volume(std::string name, json body) {
  volumes_.push_back(name);
  co_await e.create_volume(std::move(body));
}

task<> contract_run::tag(std::string image, std::string reference) {
  tags_.push_back(reference);
  co_await e.tag_image(std::move(image), std::move(reference));
}

task<> contract_run::clean_up() {
  for (const auto& name : containers_) {
    const auto left = co_await e.inspect_container(name);
    if (!left) continue;
    co_await e.stop_container(name, std::chrono::seconds(1));
    co_await e.remove_container(name);
  }
  for (const auto& name : networks_) co_await e.remove_network(name);
  for (const auto& name : volumes_) co_await e.remove_volume(name);
  for (const auto& name : tags_) co_await e.remove_image(name);
}

task<json> contract_run::inspected(std::string id) {
  auto seen = co_await e.inspect_container(id);
  if (!seen) throw std::runtime_error("there is no container " + id);
  co_return std::move(*seen);
}

task<json> contract_run::until(std::string id, bool (*holds)(const json&)) {
  const auto give_up = std::chrono::steady_clock::now() + setting_.deadline;
  for (;;) {
    json seen = co_await inspected(id);
    if (holds(seen) || std::chrono::steady_clock::now() > give_up) co_return seen;
    co_await wait_a_moment();
  }
}

task<> contract_run::wait_a_moment() {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, setting_.between_polls);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

namespace {

task<> run_and_clean_up(const contract_scenario* scenario, contract_run* run) {
  std::exception_ptr failed;
  try {
    co_await scenario->run(*run);
  } catch (...) {
    failed = std::current_exception();
  }
  co_await run->clean_up();
  if (failed) std::rethrow_exception(failed);
}

}  // namespace

void run_scenario(const contract_scenario& scenario, engine& under_test, const contract_setting& setting,
                  boost::asio::io_context& context) {
  contract_run run(under_test, setting);
  std::exception_ptr failed;
  boost::asio::co_spawn(context, run_and_clean_up(&scenario, &run),
                        [&failed](std::exception_ptr thrown) { failed = thrown; });
  context.restart();
  context.run();
  if (failed) std::rethrow_exception(failed);  // GoogleTest reports what()
}

std::ostream& operator<<(std::ostream& out, const contract_scenario& scenario) { return out << scenario.name; }

const std::vector<contract_scenario>& engine_contract() {
  static const std::vector<contract_scenario> all = {
      {"FactsAreThere", &facts_are_there},
      {"ACreatedContainerIsAsAskedFor", &created_container_is_as_asked_for},
      {"AContainerIsFoundByNameAndById", &container_is_found_by_name_and_by_id},
      {"AContainerLivesItsLife", &container_lives_its_life},
      {"RepeatingAStepIsFine", &repeating_a_step_is_fine},
      {"AMissingContainerCannotBeWorkedOn", &missing_container_cannot_be_worked_on},
      {"ATakenNameIsRefusedAndTheHolderNamed", &taken_name_is_refused_and_the_holder_named},
      {"ABadNameIsRefused", &bad_name_is_refused},
      {"AnUnknownImageCannotBeCreatedFrom", &unknown_image_cannot_be_created_from},
      {"RenamingFreesTheOldName", &renaming_frees_the_old_name},
      {"RenamingToItsOwnNameIsFine", &renaming_to_its_own_name_is_fine},
      {"ARunningOrPausedContainerIsNotRemoved", &running_or_paused_container_is_not_removed},
      {"AContainerIsPausedAndLetGo", &container_is_paused_and_let_go},
      {"StoppingAPausedContainerLetsItEndByItself", &stopping_a_paused_container_lets_it_end_by_itself},
      {"ARestartPolicyIsSet", &restart_policy_is_set},
      {"AFailingContainerIsRestartedByItsPolicyUntilStopped",
       &failing_container_is_restarted_by_its_policy_until_stopped},
      {"AnExitCodeIsSeen", &exit_code_is_seen},
      {"HealthGoesFromStartingToHealthy", &health_goes_from_starting_to_healthy},
      {"TheLastLogLinesAreTheLast", &last_log_lines_are_the_last},
      {"ContainersAreListedByLabelInEveryState", &containers_are_listed_by_label_in_every_state},
      {"ATakenPortIsRefusedAtStart", &taken_port_is_refused_at_start},
      {"ANetworkIsCreatedOnceAndRemoved", &network_is_created_once_and_removed},
      {"AContainerJoinsNetworksWithItsAliases", &container_joins_networks_with_its_aliases},
      {"ANetworkThatIsGoneFailsTheStart", &network_that_is_gone_fails_the_start},
      {"AVolumeCreatedTwiceIsTheFirst", &volume_created_twice_is_the_first},
      {"VolumesOutliveTheirContainer", &volumes_outlive_their_container},
      {"AnImageIsTaggedAgain", &image_is_tagged_again},
      {"AnImageInUseIsKeptWithoutAWord", &image_in_use_is_kept_without_a_word},
      {"APublishedImageIsPulledByTagAndByDigest", &published_image_is_pulled_by_tag_and_by_digest},
      {"AnUnknownTagIsNotPulled", &unknown_tag_is_not_pulled},
      {"ASilentRegistryIsAnError", &silent_registry_is_an_error},
      {"ATagIsResolvedToWhatTheRegistryHas", &tag_is_resolved_to_what_the_registry_has},
  };
  return all;
}

}  // namespace orchestration
