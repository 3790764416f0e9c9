// What the scenarios of the engine contract are written with. Included by the contract's own sources only.
#pragma once

#include <string>
#include <vector>

#include "docker_client/error.hpp"
#include "docker_client/json.hpp"
#include "tests/support/engine_contract.hpp"

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
  /// Until it has written its last line, and so has set its trap: before that process 1 does not hear SIGTERM.
  task<> until_it_listens(std::string id);
  task<> wait_a_moment();
  std::chrono::seconds deadline() const { return setting_.deadline; }

 private:
  contract_setting setting_;
  std::vector<std::string> containers_, networks_, volumes_, tags_;
};

std::string status_of(const json& inspect);
json body_for(const std::string& image);
bool contains(const json* list, const std::string& text);
std::string repository_part(const std::string& reference);

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

std::vector<contract_scenario> container_scenarios();
std::vector<contract_scenario> network_and_volume_scenarios();
std::vector<contract_scenario> image_scenarios();
std::vector<contract_scenario> joined_scenarios();

}  // namespace orchestration
