// The engine contract: images and the registry.
#include <gtest/gtest.h>

#include "tests/support/contract_run.hpp"

namespace orchestration {
namespace {

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
  const std::string source_id = source->string_at({"Id"});
  co_await run.tag(source_id, keep);  // and back, by the image's id
  const auto back = co_await run.e.inspect_image(keep);
  EXPECT_TRUE(back && back->string_at({"Id"}) == source_id);
  co_await run.e.remove_image(keep);
  co_await run.e.remove_image(keep);
  const auto gone = co_await run.e.inspect_image(keep);
  const auto still = co_await run.e.inspect_image(run.images().runs);
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
  const std::string tag_and_digest = tag + "@" + run.images().digest;
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
  co_await run.e.pull_image(tag_and_digest, "", ignore);  // the digest counts
  const auto by_digest = co_await run.e.inspect_image(pinned);
  EXPECT_TRUE(by_digest && contains(by_digest->find("RepoDigests"), pinned));
  const auto by_tag = co_await run.e.inspect_image(tag);
  EXPECT_FALSE(by_tag.has_value()) << "a pull by digest does not bring the tag";
  const auto by_both = co_await run.e.inspect_image(tag_and_digest);
  EXPECT_TRUE(by_digest && by_both && by_both->string_at({"Id"}) == by_digest->string_at({"Id"}));
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

task<> empty_image_makes_a_container_that_is_never_started(contract_run& run) {
  const std::string name = "contract.local/guard:shop";
  co_await run.e.import_empty_image(name);
  const auto image = co_await run.e.inspect_image(name);
  EXPECT_TRUE(image && contains(image->find("RepoTags"), name));
  json body = body_for(name);
  body["Cmd"] = json::array_of(std::vector<std::string>{"never-started"});
  co_await run.create("contract-a", body);
  co_await run.e.remove_image(name);
  const auto kept = co_await run.e.inspect_image(name);
  EXPECT_TRUE(kept.has_value()) << "a container is made from it";
  co_await run.e.remove_container("contract-a");
  co_await run.e.remove_image(name);
  const auto gone = co_await run.e.inspect_image(name);
  EXPECT_FALSE(gone.has_value());
}

}  // namespace

std::vector<contract_scenario> image_scenarios() {
  return {
      {"AnImageIsTaggedAgain", &image_is_tagged_again},
      {"AnImageInUseIsKeptWithoutAWord", &image_in_use_is_kept_without_a_word},
      {"APublishedImageIsPulledByTagAndByDigest", &published_image_is_pulled_by_tag_and_by_digest},
      {"AnUnknownTagIsNotPulled", &unknown_tag_is_not_pulled},
      {"ASilentRegistryIsAnError", &silent_registry_is_an_error},
      {"AnEmptyImageMakesAContainerThatIsNeverStarted", &empty_image_makes_a_container_that_is_never_started},
      {"ATagIsResolvedToWhatTheRegistryHas", &tag_is_resolved_to_what_the_registry_has},
  };
}

}  // namespace orchestration
