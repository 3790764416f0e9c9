// What every engine has to do, as scenarios that run on the fake and on a real one. When a scenario fails on one of
// them only, the fake has drifted from what it stands for (or docker_engine from the port).
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

#include "orchestration/run/engine.hpp"

namespace orchestration {

/// Image references that the engine under test was prepared with.
struct contract_images {
  contract_images() = default;
  std::string runs;  // local; until it is stopped, then exits 0; writes "line 1", "line 2", "line 3" at its start
  std::string exits_0;
  std::string exits_1;
  std::string checked;      // local; has a health check that passes
  std::string published;    // the registry has it, under this one tag
  std::string digest;       // of `published`
  std::string unknown_tag;  // the same repository, a tag that the registry does not have
  std::string unreachable;  // on a registry that is not there
};

struct contract_setting {
  contract_setting() = default;
  contract_images images;
  std::chrono::milliseconds between_polls{0};
  std::chrono::seconds deadline{30};  // for a state to be reached
};

class contract_run;

struct contract_scenario {
  std::string name;  // a sentence: "AStartedContainerRuns"
  docker::task<> (*run)(contract_run&);
};
std::ostream& operator<<(std::ostream& out, const contract_scenario& scenario);

const std::vector<contract_scenario>& engine_contract();

/// Runs one scenario to its end on `context`, then removes everything it created, whether it passed or not. Failures
/// are GoogleTest's.
void run_scenario(const contract_scenario& scenario, engine& under_test, const contract_setting& setting,
                  boost::asio::io_context& context);

}  // namespace orchestration
