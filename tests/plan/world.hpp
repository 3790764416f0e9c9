// Projects and engines as values, for tests of planning: a project is written down, and run() says what an engine shows
// when that project runs.
#pragma once

#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/plan/plan.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration::test {

inline constexpr const char* attempt = "A1";

/// A project "shop" whose services are on network "default".
class project_builder {
 public:
  project_builder();
  /// Adds a service and makes it the one that the following calls are about.
  project_builder& service(const std::string& name, const std::string& image);
  project_builder& env(const std::string& name, const std::string& value);
  project_builder& needs(const std::string& other, start_condition condition, bool restart = false);
  project_builder& volume(const std::string& key, const std::string& target);
  project_builder& external_volume(const std::string& key, const std::string& target);
  project_builder& anonymous_volume(const std::string& target);
  project_builder& external_network(const std::string& key);
  project_builder& healthy_when(const std::string& command);
  project_builder& restart(const std::string& policy);
  project_builder& scale(int count);
  project_builder& network_mode(const std::string& mode);
  project_builder& volumes_from(const std::string& other);
  /// A secret from an environment variable that holds `content`.
  project_builder& secret(const std::string& key, const std::string& content);
  project_builder& labelled_network(const std::string& key, const std::string& label);
  project_builder& only_built();
  operator project() const { return value_; }
  project& value() { return value_; }

 private:
  orchestration::service& now() { return value_.services.at(current_); }
  project value_;
  std::string current_;
};

/// db (volume shop-data, health check), migrate (one-shot), web (health check), in the given version of the app.
project_builder shop(const std::string& version);

/// vpn in the given version, and web in its network namespace.
project_builder joined(const std::string& version);

/// cache in the given version, and web that restarts with it.
project_builder restarting(const std::string& version);

/// The engine after `p` was deployed: one-shots have exited with 0, the rest runs and is healthy.
observed_state run(const project& p);
/// An engine with the images of `p`, and nothing else.
observed_state nothing_but_images(const project& p);

observed_container& container(observed_state& s, const std::string& service, int number = 1);
/// Sets the state and shows it in `inspect` as well.
void set_state(observed_container& c, container_state state, std::int64_t exit_code = 0);

std::string image_id(const std::string& reference);  // the id that the engines above give it
std::string id_of(const std::string& container_name);

/// A raw string without the line break that it begins with.
inline std::string lines(const char* raw) { return raw + 1; }

reconcile_options options();
rollback_options to_release();

}  // namespace orchestration::test
