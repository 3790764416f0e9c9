#include "tests/support/contract_run.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <ostream>
#include <stdexcept>

#include "tests/support/run_task.hpp"

namespace orchestration {

std::string status_of(const json& inspect) { return inspect.string_at({"State", "Status"}); }

json body_for(const std::string& image) { return json::object({{"Image", image}}); }

bool contains(const json* list, const std::string& text) {
  if (list == nullptr || !list->is_array()) return false;
  const auto& all = list->elements();
  return std::find(all.begin(), all.end(), json(text)) != all.end();
}

std::string repository_part(const std::string& reference) { return reference.substr(0, reference.rfind(':')); }

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

task<> contract_run::until_it_listens(std::string id) {
  const auto give_up = std::chrono::steady_clock::now() + setting_.deadline;
  std::string last;
  while (last != "line 3\n" && std::chrono::steady_clock::now() < give_up) {
    last = co_await e.last_log_lines(id, 1);
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
  run_task(run_and_clean_up(&scenario, &run), context);  // GoogleTest reports what it throws
}

std::ostream& operator<<(std::ostream& out, const contract_scenario& scenario) { return out << scenario.name; }

const std::vector<contract_scenario>& engine_contract() {
  static const std::vector<contract_scenario> all = [] {
    std::vector<contract_scenario> out = container_scenarios();
    for (const auto& more : {network_and_volume_scenarios(), image_scenarios(), joined_scenarios()}) {
      out.insert(out.end(), more.begin(), more.end());
    }
    return out;
  }();
  return all;
}

}  // namespace orchestration
