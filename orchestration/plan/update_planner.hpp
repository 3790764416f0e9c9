// Decides what an update does with each container of the project. The steps are assemble()'s.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "orchestration/plan/drift.hpp"
#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/spoken_dialect.hpp"
#include "orchestration/plan/volumes_at_stake.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

class update_planner {
 public:
  /// All references outlive the planner.
  update_planner(const project& desired, const observed_state& observed, const reconcile_options& options);

  /// Throws plan_error.
  intention decide();

 private:
  void index_containers();
  void read_order();
  void read_scope();
  void listen_for_dialect();
  void decide_service(const service& s);
  void decide_replicas(const service& s, const desired_container& wanted);
  void decide_replica(const service& s, int number, const std::vector<std::string>& causes,
                      const desired_container& wanted);
  void retire(const observed_container& c, const service& s);
  void leave_service(const service& s, const std::string& note);
  void leave_strangers();
  void restart_dependents();
  void check_left_behind() const;
  void require_resources();
  void check_network(const service& s, const network& n, const observed_network& found);
  void note_volume(const volume& v, const observed_volume& found);
  void choose_snapshot();
  void quiesce_writers();
  void choose_pulls();

  intended_container skeleton(const service& s, int number) const;
  intended_container left_alone(const observed_container& c, proof when_sound) const;
  void make_new(intended_container& c, const service& s, const desired_container& wanted);
  void plan_ending(intended_container& c, const service& s);
  void look_ahead();
  /// In place of "configuration changed": what differs, as far as the engine shows it.
  void explain(intended_container& c, const service& s) const;
  bool differs_by_image_alone(const intended_container& c, const service& s) const;
  std::string near(const std::string& file) const;
  void require_network(const service& s, const std::string& key);
  void require_volume(const service& s, const std::string& key);
  std::set<std::string> network_names(const service& s) const;
  std::set<std::string> volume_names(const service& s) const;
  std::vector<joined_service> joined_by(const service& s) const;
  std::string cause_of_joining(const service& s) const;
  void put_identity(create_context& context, create_container& request, const service& s) const;
  void check_can_be_fetched(const service& s) const;
  std::map<std::string, std::string> ids_of_joined(const service& s) const;
  std::set<std::string> changed_services() const;
  bool risks_data() const;
  std::set<std::string> with_dependencies(std::set<std::string> services) const;
  std::set<std::string> services_at_stake() const;
  std::map<std::string, known_volume> known_volumes() const;
  bool in_scope(const std::string& service) const { return scope_.contains(service); }
  const observed_container* find(const std::string& service, int number) const;
  void note(std::string text) { out_.notes.push_back(std::move(text)); }
  void note_once(const std::string& text);

  const project& desired_;
  const observed_state& observed_;
  const reconcile_options& options_;
  intention out_;
  std::map<std::string, std::map<int, const observed_container*>> found_;  // service → number
  std::vector<const observed_container*> duplicates_;                      // a second container of the same number
  std::map<std::string, int> level_;                                       // of each service
  int last_level_ = 0;
  std::map<std::string, goal> asked_;  // what dependents ask of each service
  std::set<std::string> scope_;
  spoken_dialect dialect_;
};

/// "a, b"
std::string join(const std::vector<std::string>& names);

/// "service web (compose.yaml:12:5)"
std::string name_with_place(const project& p, const service& s);

}  // namespace orchestration
