// Whole projects against what docker-compose 2.40.3 makes of them, recorded by record_corpus.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "comparable_bodies.hpp"
#include "corpus.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/project/resolved.hpp"

namespace orchestration {
namespace {

using docker::json;

// --- a project and its recording ---

// All projects stood in /srv when they were recorded.
json moved(const json& document) {
  std::string text = document.to_text();
  const std::string here = corpus.string();
  for (std::size_t at = 0; (at = text.find(here, at)) != std::string::npos;) text.replace(at, here.size(), "/srv");
  return json::parse(text);
}

std::string text_of(const json& body) { return comparable(moved(body)).to_pretty_text(); }

json label_of(const json& container, const std::string& name) {
  return container.at("body").at("Labels").at("com.docker.compose." + name);
}

// What compose sent to an engine of one API version. Of the older one only what differs was recorded.
class recorded_requests {
 public:
  recorded_requests(const json& recorded, const std::string& api) : sent_(recorded.at(api)) {
    if (sent_.contains("refused")) return;
    const json& newest = recorded.at("1.51");
    if (&newest == &sent_ || newest.contains("refused")) return;
    json all = newest;
    all["connects"] = sent_.at("connects");
    for (const auto& [kind, key] :
         {std::pair{"containers", "name"}, std::pair{"networks", "Name"}, std::pair{"volumes", "Name"}})
      for (const json& other : sent_.at(kind).elements())
        for (json& each : all[kind].elements())
          if (each.at(key) == other.at(key)) each = other;
    sent_ = std::move(all);
  }

  bool refused() const { return sent_.contains("refused"); }
  const json::array& of(const char* kind) const { return sent_.at(kind).elements(); }

 private:
  json sent_;
};

class recorded_project : public testing::TestWithParam<std::string> {
 protected:
  json recorded_ = json::parse(read_whole(corpus / GetParam() / "recorded.json"));
  // What compose refuses or cannot tell an old engine, and dockupd does otherwise on purpose; says why.
  json differs_ = corpus_setup(GetParam()).string_at({"differs"});
  std::map<std::string, std::string> ids_ = text_members_at(recorded_, "ids");
};

std::string refusal(const std::string& name, api_version api) {
  try {
    const project p = load_corpus_project(name).value;
    create_context context;
    context.api = api;
    for (const auto& [key, s] : p.services) make_create_request(p, s, 1, context);
  } catch (const load_error& error) {
    return error.what();
  } catch (const create_body_error& error) {
    return error.what();
  }
  return {};
}

TEST_P(recorded_project, HasTheHashesOfEveryDialect) {
  if (recorded_.at("config").is_null()) {
    EXPECT_NE(refusal(GetParam(), {1, 51}), "");
    return;
  }
  project p = load_corpus_project(GetParam()).value;
  const std::pair<const char*, hash_dialect> dialects[] = {{"2.24", hash_dialect::compose_2_24},
                                                           {"2.30", hash_dialect::compose_2_30},
                                                           {"5.0.0", hash_dialect::compose_5_0},
                                                           {"5.0.2", hash_dialect::compose_5_0_2}};
  for (auto& [name, s] : p.services) s.document = moved(s.document);
  for (const auto& [dialect, value] : dialects) {
    const json* hashes = recorded_.at("hashes").find(dialect);
    if (hashes == nullptr) continue;  // the oracle of the dialect cannot load the project
    for (const auto& [name, hash] : hashes->object_members())
      EXPECT_EQ(service_hash(p.services.at(name), value, ids_), hash.as_string())
          << name << " " << dialect << "\n"
          << service_hash_text(p.services.at(name), value, ids_);
  }
}

TEST_P(recorded_project, IsAskedForAsComposeDoes) {
  for (const int minor : {41, 51}) {
    const recorded_requests sent(recorded_, "1." + std::to_string(minor));
    const bool both_accept = !sent.refused() && refusal(GetParam(), {1, minor}).empty();
    if (!differs_.as_string().empty() && !both_accept) continue;
    SCOPED_TRACE(minor);
    if (sent.refused()) {
      EXPECT_NE(refusal(GetParam(), {1, minor}), "");
      continue;
    }
    project p = load_corpus_project(GetParam()).value;
    std::vector<std::string> ours;
    std::vector<std::string> theirs;
    for (const json& container : sent.of("containers")) {
      service hashed = p.services.at(label_of(container, "service").as_string());
      hashed.document = moved(hashed.document);
      create_context context;
      context.api = {1, minor};
      context.containers = ids_;
      context.config_hash = service_hash(hashed, hash_dialect::compose_2_30, ids_);
      const service& s = p.services.at(hashed.name);
      const create_request request =
          make_create_request(p, s, std::stoi(label_of(container, "container-number").as_string()), context);
      EXPECT_EQ(request.name, container.at("name").as_string());
      EXPECT_EQ(request.platform, container.at("platform").as_string());
      EXPECT_EQ(text_of(request.body), comparable(container.at("body")).to_pretty_text());
      for (const auto& [network, endpoint] : request.connect_after)
        ours.push_back(request.name + " " + network + " " + text_of(endpoint));
    }
    for (const json& each : sent.of("connects"))
      theirs.push_back(each.at("container").as_string() + " " + each.at("network").as_string() + " " +
                       comparable(each.at("endpoint")).to_pretty_text());
    EXPECT_EQ(ours, theirs);
    for (const json& each : sent.of("networks")) {
      const network& n = p.networks.at(each.at("Labels").at("com.docker.compose.network").as_string());
      EXPECT_EQ(text_of(network_create_body(p, n, network_hash(n))), comparable(each).to_pretty_text());
    }
    for (const json& each : sent.of("volumes")) {
      const volume& v = p.volumes.at(each.at("Labels").at("com.docker.compose.volume").as_string());
      volume hashed = v;
      hashed.document = moved(v.document);
      EXPECT_EQ(text_of(volume_create_body(p, v, volume_hash(hashed))), comparable(each).to_pretty_text());
    }
  }
}

TEST_P(recorded_project, IsShownAsComposeShowsIt) {
  if (recorded_.at("config").is_null()) return;  // refused, which is tested above
  const project p = load_corpus_project(GetParam()).value;
  EXPECT_EQ(moved(json::parse(resolved_text(resolved_document(p)))).to_pretty_text(),
            recorded_.at("config").to_pretty_text());
}

std::vector<std::string> projects() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) out.push_back(entry.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string out = info.param;
  for (char& c : out)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return out;
}

INSTANTIATE_TEST_SUITE_P(Corpus, recorded_project, testing::ValuesIn(projects()), test_name);

}  // namespace
}  // namespace orchestration
