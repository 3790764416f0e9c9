// The engine contract: containers.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/contract_run.hpp"

namespace orchestration {
namespace {

bool is_exited(const json& inspect) { return status_of(inspect) == "exited"; }
bool is_healthy(const json& inspect) { return inspect.string_at({"State", "Health", "Status"}) == "healthy"; }
bool has_restarted_twice(const json& inspect) { return inspect.int64_at({"RestartCount"}) >= 2; }

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

std::vector<std::string> ids_of(const std::vector<json>& listed) {
  std::vector<std::string> out;
  for (const auto& one : listed) out.push_back(one.string_at({"Id"}));
  std::sort(out.begin(), out.end());
  return out;
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
  EXPECT_TRUE(run.e.has_processes(id));
  co_await run.until_it_listens(id);
  co_await run.e.stop_container(id, std::chrono::seconds(10));
  EXPECT_FALSE(run.e.has_processes(id));
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

task<> container_is_created_from_an_image_id(contract_run& run) {
  const auto image = co_await run.e.inspect_image(run.images().runs);
  const std::string image_id = image->string_at({"Id"});
  const std::string id = co_await run.create("contract-a", body_for(image_id));
  const json seen = co_await run.inspected(id);
  EXPECT_EQ(seen.string_at({"Image"}), image_id);
  EXPECT_EQ(seen.string_at({"Config", "Image"}), image_id);
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
  co_await run.until_it_listens(id);
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

}  // namespace

std::vector<contract_scenario> container_scenarios() {
  return {
      {"FactsAreThere", &facts_are_there},
      {"ACreatedContainerIsAsAskedFor", &created_container_is_as_asked_for},
      {"AContainerIsFoundByNameAndById", &container_is_found_by_name_and_by_id},
      {"AContainerLivesItsLife", &container_lives_its_life},
      {"RepeatingAStepIsFine", &repeating_a_step_is_fine},
      {"AMissingContainerCannotBeWorkedOn", &missing_container_cannot_be_worked_on},
      {"ATakenNameIsRefusedAndTheHolderNamed", &taken_name_is_refused_and_the_holder_named},
      {"ABadNameIsRefused", &bad_name_is_refused},
      {"AContainerIsCreatedFromAnImageId", &container_is_created_from_an_image_id},
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
  };
}

}  // namespace orchestration
