// The engine contract: containers that join others, and files that are put into containers.
#include <gtest/gtest.h>

#include "orchestration/run/placed_files.hpp"
#include "tests/support/contract_run.hpp"

namespace orchestration {
namespace {

json joining(const std::string& image, const std::string& id) {
  json body = body_for(image);
  body["HostConfig"]["NetworkMode"] = "container:" + id;
  return body;
}

task<> who_joins_another_starts_after_it_only(contract_run& run) {
  const std::string joined = co_await run.create("contract-a", body_for(run.images().runs));
  const std::string id = co_await run.create("contract-b", joining(run.images().runs, joined));
  const auto too_early = co_await refusal_of(run.e.start_container(id));
  EXPECT_EQ(too_early.status, 409) << too_early.words;
  EXPECT_NE(too_early.words.find("cannot join network of a non running container"), std::string::npos)
      << too_early.words;
  co_await run.e.start_container(joined);
  co_await run.e.start_container(id);
  const json seen = co_await run.inspected(id);
  EXPECT_EQ(status_of(seen), "running");
  EXPECT_EQ(seen.string_at({"HostConfig", "NetworkMode"}), "container:" + joined);
}

task<> who_joins_what_is_gone_does_not_start(contract_run& run) {
  const std::string joined = co_await run.create("contract-a", body_for(run.images().runs));
  const std::string id = co_await run.create("contract-b", joining(run.images().runs, joined));
  co_await run.e.remove_container(joined);
  const auto refused = co_await refusal_of(run.e.start_container(id));
  EXPECT_EQ(refused.status, 404) << refused.words;
  EXPECT_NE(refused.words.find("No such container: " + joined), std::string::npos) << refused.words;
}

task<> volumes_of_another_are_taken_over(contract_run& run) {
  json first = body_for(run.images().runs);
  first["HostConfig"]["Binds"].push_back("contract-volume:/data");
  json named = json::object({{"Name", "contract-volume"}});
  co_await run.create_volume("contract-volume", std::move(named));
  const std::string other = co_await run.create("contract-a", std::move(first));
  json second = body_for(run.images().runs);
  second["HostConfig"]["VolumesFrom"].push_back(other);
  const std::string id = co_await run.create("contract-b", std::move(second));
  const json seen = co_await run.inspected(id);
  const json* mounts = seen.find("Mounts");
  EXPECT_EQ(mounts == nullptr ? 0U : mounts->size(), 1U);
  if (mounts != nullptr && mounts->size() == 1) {
    EXPECT_EQ(mounts->elements().front().string_at({"Name"}), "contract-volume");
    EXPECT_EQ(mounts->elements().front().string_at({"Destination"}), "/data");
  }
  json third = body_for(run.images().runs);
  third["HostConfig"]["VolumesFrom"].push_back(std::string(64, 'a'));
  const auto missing = co_await refusal_of(run.create("contract-c", std::move(third)));
  EXPECT_EQ(missing.status, 400) << missing.words;
}

placed_file a_file(const std::string& content) {
  placed_file file;
  file.path = "/run/secrets/deep/token";
  file.content = content;
  file.mode = 0440;
  file.user = 1000;
  file.group = 1000;
  return file;
}

task<> put(contract_run& run, std::string id, placed_file file) {
  std::vector<placed_file> files;
  files.push_back(std::move(file));
  co_await place_files(run.e, std::move(id), std::move(files));
}

task<> a_file_is_put_and_read_back(contract_run& run) {
  const std::string id = co_await run.create("contract-a", body_for(run.images().runs));
  const placed_file first = a_file("first");
  co_await put(run, id, first);
  const placed_file second = a_file("the second, which is longer");
  co_await put(run, id, second);
  const auto tar = co_await run.e.get_archive(id, second.path);
  EXPECT_TRUE(tar.has_value());
  if (!tar) co_return;
  const placed_file found = file_in(*tar);
  EXPECT_EQ(found.content, second.content);
  EXPECT_EQ(found.mode, 0440);
  EXPECT_EQ(found.user, 1000);
}

task<> a_file_for_the_containers_user_is_roots_where_it_has_none(contract_run& run) {
  const std::string id = co_await run.create("contract-a", body_for(run.images().runs));
  placed_file file = a_file("x");
  file.to_container_user = true;
  co_await put(run, id, file);
  const auto tar = co_await run.e.get_archive(id, file.path);
  EXPECT_TRUE(tar.has_value());
  if (tar) {
    EXPECT_EQ(file_in(*tar).content, "x");
  }
}

task<> what_is_not_there_is_not_read(contract_run& run) {
  const std::string id = co_await run.create("contract-a", body_for(run.images().runs));
  const auto no_file = co_await run.e.get_archive(id, "/no/such/file");
  EXPECT_FALSE(no_file.has_value());
  const auto no_container = co_await run.e.get_archive("contract-missing", "/file");
  EXPECT_FALSE(no_container.has_value());
  const placed_file file = a_file("x");
  const auto refused = co_await refusal_of(put(run, "contract-missing", file));
  EXPECT_EQ(refused.status, 404) << refused.words;
}

task<> nothing_is_put_into_a_read_only_container(contract_run& run) {
  json body = body_for(run.images().runs);
  body["HostConfig"]["ReadonlyRootfs"] = true;
  const std::string id = co_await run.create("contract-a", std::move(body));
  const placed_file file = a_file("x");
  const auto refused = co_await refusal_of(put(run, id, file));
  EXPECT_NE(refused.words.find("read-only"), std::string::npos) << refused.words;
}

}  // namespace

std::vector<contract_scenario> joined_scenarios() {
  return {
      {"WhoJoinsAnotherStartsAfterItOnly", &who_joins_another_starts_after_it_only},
      {"WhoJoinsWhatIsGoneDoesNotStart", &who_joins_what_is_gone_does_not_start},
      {"VolumesOfAnotherAreTakenOver", &volumes_of_another_are_taken_over},
      {"AFileIsPutAndReadBack", &a_file_is_put_and_read_back},
      {"AFileForTheContainersUserIsRootsWhereItHasNone", &a_file_for_the_containers_user_is_roots_where_it_has_none},
      {"WhatIsNotThereIsNotRead", &what_is_not_there_is_not_read},
      {"NothingIsPutIntoAReadOnlyContainer", &nothing_is_put_into_a_read_only_container},
  };
}

}  // namespace orchestration
