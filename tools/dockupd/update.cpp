#include "docker_client/image_reference.hpp"
#include "orchestration/project/pin.hpp"
#include "orchestration/run/updater.hpp"
#include "tools/dockupd/pinning.hpp"
#include "tools/dockupd/recovery.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

using orchestration::update_request;

/// A tag from the command line or an unset variable can make an image that is none: said before anything is asked.
void check_images(const orchestration::project& p) {
  for (const auto& [name, service] : p.services) {
    if (service.image_template.empty()) continue;
    try {
      docker::image_reference::parse(service.image);
    } catch (const docker::image_reference_error& error) {
      throw fatal(exit_code::usage, to_text(service.image_place) + ": services." + name + ".image: " + error.what() +
                                        ". Check the tag, and the variables in " + service.image_template);
    }
  }
}

/// Without compose files: which images the command line means, to be looked up among what runs.
update_request request_without_files(session& s) {
  const command& asked = s.asked();
  if (!asked.tag_variable.empty())
    throw fatal(exit_code::usage, "--tag-variable " + asked.tag_variable + ": there is no compose file that uses it");
  if (!asked.profiles.empty()) throw fatal(exit_code::usage, "--profile means nothing without a compose file");
  if (!asked.tag.empty()) docker::image_reference::parse("image:" + asked.tag);
  for (const auto& [service, reference] : asked.images) docker::image_reference::parse(reference);
  orchestration::image_changes changes;
  changes.tag = asked.tag;
  changes.services.insert(asked.services.begin(), asked.services.end());
  changes.images = asked.images;
  update_request request;
  request.desired.name = s.project_name();
  request.without_files = std::move(changes);
  request.tag = asked.tag;
  request.tag_given = !asked.tag.empty();
  return request;
}

update_request request_from_files(session& s) {
  update_request request = pinned_request(s);
  check_images(request.desired);
  return request;
}

update_request make_request(session& s) {
  const command& asked = s.asked();
  s.take_env_files_of_containers();
  update_request request = s.has_files() ? request_from_files(s) : request_without_files(s);
  request.options.services.insert(asked.services.begin(), asked.services.end());
  if (!asked.snapshot) request.options.snapshot = orchestration::take_snapshot::no;
  fill_waits(asked, request.options);
  request.who = who_asks();
  request.why = asked.reason;
  return request;
}

}  // namespace

void fill_waits(const command& asked, orchestration::reconcile_options& options) {
  options.grace_period = asked.grace_period;
  if (asked.health_timeout) options.health_budget = *asked.health_timeout;
  if (asked.migration_timeout) options.one_shot_budget = *asked.migration_timeout;
  if (asked.stable_for) options.steady_for = options.healthy_for = *asked.stable_for;
}

exit_code run_update(session& s) {
  const std::string& tag = s.asked().tag;
  const std::string operation = tag.empty() ? "update" : "update --tag " + orchestration::short_tag(tag);
  s.lock_at_once(operation);
  update_request request = make_request(s);  // what is wrong with it is said before anybody is waited for
  const bool was_locked = s.is_locked();
  orchestration::workspace& w = s.open_for_change(operation);
  const bool has_recovered = recover_first(s, w);
  if (!was_locked || has_recovered) {
    s.forget_files();  // whoever held the lock may have written the tag line, and so may the recovery
    request = make_request(s);
    if (request.desired.name != s.project_name() || !s.is_locked())
      throw fatal(exit_code::refused, "the files here are of project " + request.desired.name + " now, and were of " +
                                          s.project_name() +
                                          " when this began. Nothing was changed. Again: dockupd update");
  }
  s.remember_project();
  orchestration::updater updater(w);
  const orchestration::run_result result = finish(s, w, updater.update(std::move(request)));
  if (s.asked().json)
    print(json_of(result, s.project_name(), "update"));
  else
    print(text_of(result, s.project_name(), "update"));
  return code_of(result.how);
}

exit_code run_plan(session& s) {
  update_request request = make_request(s);
  orchestration::workspace& w = s.open_for_reading();
  orchestration::updater updater(w);
  const orchestration::plan plan = s.run(updater.plan_for(std::move(request)));
  return print_plan(plan, s.asked(), "plan", s.project_name());
}

}  // namespace dockupd
