#include "orchestration/run/left_over.hpp"

#include "orchestration/plan/container_names.hpp"
#include "orchestration/run/listed.hpp"
#include "orchestration/run/lost_reply.hpp"
#include "orchestration/run/targets.hpp"
#include "orchestration/update/update_machine.hpp"

namespace orchestration {
namespace {

/// "web.dockupd-old.ID": ID. Empty: the name is no attempt's.
std::string attempt_in(const docker::json& listed) {
  const std::string name = name_of_listed(listed);
  return belongs_to_attempt(name) ? name.substr(name.rfind('.') + 1) : std::string();
}

docker::task<std::vector<docker::json>> containers_of(workspace& w, std::string project) {
  std::vector<std::string> labels;
  labels.push_back("com.docker.compose.project=" + project);
  const auto list = [&] { return w.engine.list_containers(labels); };
  auto listing = again_when_lost(list);
  co_return co_await std::move(listing);
}

/// It has ended well, or one after it has: then what a person was needed for is settled.
bool is_settled(const store& records, const std::string& attempt_id) {
  const std::optional<attempt> found = attempt_id.empty() ? std::nullopt : records.find_attempt(attempt_id);
  if (!found || found->ended_at.empty()) return false;
  return found->state != to_text(update_state::needs_attention) || !needs_a_person(records);
}

}  // namespace

docker::task<> remove_left_over(workspace& w, std::string project) {
  const std::vector<docker::json> all = co_await containers_of(w, std::move(project));
  for (const docker::json& listed : all) {
    const std::string state = listed.string_at({"State"});
    const bool at_rest = state == "exited" || state == "created" || state == "dead";
    if (!at_rest || !is_settled(w.records, attempt_in(listed))) continue;
    std::string id = listed.string_at({"Id"});
    co_await w.engine.remove_container(std::move(id));
  }
}

docker::task<> give_names_back(workspace& w, std::string project) {
  progress_event event;
  event.what = progress_event::kind::warning;
  try {
    const std::vector<docker::json> all = co_await containers_of(w, std::move(project));
    for (const docker::json& listed : all) {
      std::string name = name_of_listed(listed);
      if (!name.ends_with(while_freed)) continue;
      name.resize(name.size() - while_freed.size());
      std::string id = listed.string_at({"Id"});
      co_await w.engine.rename_container(std::move(id), std::move(name));
    }
  } catch (const docker::error& error) {
    event.text = std::string("a container has not got its name back: ") + error.what();
  }
  if (!event.text.empty()) w.progress(event);
}

}  // namespace orchestration
