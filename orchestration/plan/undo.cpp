// The way back, from the failed plan alone: what it stopped is started, what it set aside gets its name back, what it
// created is removed once the old version is proven.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/reconcile.hpp"

namespace orchestration {
namespace {

using numbers = std::vector<int>;

bool was_up(const stop_container& s) { return s.was == run_state::running || s.was == run_state::paused; }

bool is_armed(const stop_container& s) {
  const std::string name = s.restart_policy.string_at({"Name"});
  return !name.empty() && name != "no";
}

class undo_planner {
 public:
  undo_planner(const plan& failed, const undo_options& options) : failed_(failed), options_(options) {}

  plan decide() {
    out_.project = failed_.project;
    out_.attempt_id = failed_.attempt_id;
    stop();
    if (snapshot() != nullptr && options_.data == restore_data::yes) copy_data();
    give_names_back();
    if (snapshot() != nullptr && options_.data == restore_data::yes) restore();
    start();
    verify();
    pin();
    tag_back();
    clean_up();
    return std::move(out_);
  }

 private:
  template <class Kind>
  std::vector<const Kind*> all() const {
    std::vector<const Kind*> out;
    for (const operation& o : failed_.operations)
      if (const auto* found = std::get_if<Kind>(&o.what)) out.push_back(found);
    return out;
  }

  template <class Kind>
  std::vector<const Kind*> all_reversed() const {
    std::vector<const Kind*> out = all<Kind>();
    std::reverse(out.begin(), out.end());
    return out;
  }

  const snapshot_volumes* snapshot() const {
    const auto found = all<snapshot_volumes>();
    return found.empty() ? nullptr : found.front();
  }

  int add(phase when, action what, std::string cause, numbers after) {
    std::sort(after.begin(), after.end());
    operation o;
    o.number = static_cast<int>(out_.operations.size()) + 1;
    o.when = when;
    o.what = std::move(what);
    o.cause = std::move(cause);
    o.after = std::move(after);
    out_.operations.push_back(std::move(o));
    return out_.operations.back().number;
  }

  static bool is_new(const container_ref& target) { return target.id.empty(); }

  // --- cut over ---

  // Everything the plan started: the new containers, and those that had to rest for the snapshot only when their data
  // is taken from under them, or what they depend on.
  void stop() {
    std::set<std::string> restart;
    for (const stop_container* s : all<stop_container>())
      if (s->restarts) restart.insert(key(s->target));
    for (const start_container* s : all_reversed<start_container>()) {
      const bool goes_along = restart.contains(key(s->target));
      if (!is_new(s->target) && options_.data == restore_data::no && !goes_along) continue;
      stop_container stop;
      stop.target = s->target;
      stop.was = run_state::running;
      std::string cause = is_new(s->target) ? "part of the failed version" : "its data is put back";
      if (goes_along && options_.data == restore_data::no) cause = "restarts with what it depends on";
      stops_[key(s->target)] = add(phase::cut_over, std::move(stop), cause, {});
      all_stops_.push_back(stops_[key(s->target)]);
    }
  }

  void copy_data() {
    snapshot_volumes safety = *snapshot();
    safety.snapshot_id = options_.safety_snapshot_id;
    safety.reason = "safety copy of what " + name_of_version() + " wrote";
    safety.of_release = 0;
    const std::string cause = safety.reason;
    copied_ = add(phase::cut_over, std::move(safety), cause, all_stops_);
  }

  std::string name_of_version() const {
    for (const pin_tag* p : all<pin_tag>())
      if (!p->value.empty()) return p->value;
    for (const create_container* c : all<create_container>()) {
      const std::size_t slash = c->image.rfind('/');
      return slash == std::string::npos ? c->image : c->image.substr(slash + 1);
    }
    return "attempt " + failed_.attempt_id;
  }

  void give_names_back() {
    std::map<std::string, int> freed;  // by final name
    for (const rename_container* r : all_reversed<rename_container>()) {
      if (!is_new(r->target)) continue;
      rename_container away{r->target, r->to, name_of_failed(r->to, failed_.attempt_id)};
      freed[r->to] = add(phase::cut_over, std::move(away), "part of the failed version", after_data(r->target));
    }
    for (const rename_container* r : all_reversed<rename_container>()) {
      if (is_new(r->target)) continue;
      numbers after;
      if (const auto found = freed.find(r->from); found != freed.end()) after.push_back(found->second);
      rename_container back{r->target, r->to, r->from};
      names_[key(r->target)] = add(phase::cut_over, std::move(back), "the old version", std::move(after));
    }
  }

  numbers after_data(const container_ref& target) const {
    if (copied_ != 0) return {copied_};
    const auto stopped = stops_.find(key(target));
    return stopped == stops_.end() ? numbers{} : numbers{stopped->second};
  }

  // --- restore, start, verify ---

  void restore() {
    restore_volumes restore;
    restore.snapshot_id = snapshot()->snapshot_id;
    restore.volumes = snapshot()->volumes;
    restored_ = add(phase::restore, std::move(restore), "as before the update", {copied_});
  }

  void start() {
    // The plan stopped dependents first, so its reverse starts dependencies first; each waits for all before it, as
    // what depended on what is no longer known here.
    numbers before;
    for (const stop_container* s : all_reversed<stop_container>()) {
      start_container start;
      start.target = s->target;
      start.restart_policy = s->restart_policy;
      if (!was_up(*s)) {
        if (!is_armed(*s)) continue;
        start.leave = run_state::stopped;
      } else {
        start.leave = s->was;
        start.until = s->until;
        if (s->until == goal::healthy) start.budget = s->budget;
      }
      numbers after = before;
      if (restored_ != 0) after.push_back(restored_);
      if (const auto named = names_.find(key(s->target)); named != names_.end()) after.push_back(named->second);
      const int number = add(phase::start, std::move(start), "ran before", std::move(after));
      starts_[key(s->target)] = number;
      if (was_up(*s)) before.push_back(number);
    }
  }

  void verify() {
    for (const stop_container* s : all_reversed<stop_container>()) {
      if (!s->sound) {
        out_.notes.push_back(s->target.subject + " was restarting or unhealthy before: started again, but not proven");
        continue;
      }
      verify_container verify;
      verify.target = s->target;
      verify.name = s->name;
      verify.expected = s->was;
      verify.image_id = s->image_id;
      verify.config_hash = s->config_hash;
      verify.has_health_check = s->has_health_check;
      verify.steady_for = s->steady_for;
      verify.budget = s->budget + s->steady_for;
      const auto started = starts_.find(key(s->target));
      numbers after;
      if (started != starts_.end()) after.push_back(started->second);
      verifications_.push_back(add(phase::verify, std::move(verify), "", std::move(after)));
    }
  }

  // --- pin, commit ---

  void pin() {
    for (const pin_tag* p : all<pin_tag>()) {
      if (p->previous.empty() && p->has_line) {
        out_.notes.push_back("what " + p->variable + " was before is not known: if " + p->file + " sets it to " +
                             p->value + " now, set it back by hand");
        continue;
      }
      pin_tag back{p->file, p->variable, p->has_line ? p->previous : "", p->value};
      back.has_line = !p->value.empty();
      verifications_.push_back(add(phase::pin, std::move(back), "as before", verifications_));
    }
    for (const pin_images* p : all<pin_images>()) {
      pin_images back{p->file, p->images, p->new_text, p->old_text};
      for (pinned_image& each : back.images) std::swap(each.image, each.previous);
      verifications_.push_back(add(phase::pin, std::move(back), "as before", verifications_));
    }
  }

  /// A moving tag would stay on the failed image, and the next `compose up` would deploy it.
  void tag_back() {
    std::map<std::string, std::string> moved;  // reference → image id
    for (const pull_image* p : all<pull_image>()) moved.try_emplace(p->reference, p->meant_before);
    for (const create_container* c : all<create_container>()) moved.try_emplace(c->image, c->meant_before);
    for (const auto& [reference, image_id] : moved) {
      if (image_id.empty() || reference.find('@') != std::string::npos) continue;
      verifications_.push_back(
          add(phase::pin, keep_image{image_id, reference}, "what it meant before", verifications_));
    }
  }

  void clean_up() {
    numbers removed;
    for (const create_container* c : all<create_container>()) {
      remove_container remove;
      remove.target = c->target;
      remove.evidence = true;
      removed.push_back(add(phase::commit, std::move(remove), "part of the failed version", verifications_));
    }
    for (const ensure_network* n : all<ensure_network>())
      add(phase::commit, remove_network{n->name}, "made by the failed attempt", removed);
    for (const ensure_volume* v : all<ensure_volume>()) {
      if (options_.ran == new_version_ran::no)
        add(phase::commit, remove_volume{v->name}, "made by the failed attempt", removed);
      else
        out_.notes.push_back("volume " + v->name +
                             " was made by the failed attempt and may hold what it wrote: kept. " +
                             "To remove it: docker volume rm " + v->name);
    }
  }

  static std::string key(const container_ref& target) { return target.subject + "/" + target.id; }

  const plan& failed_;
  const undo_options& options_;
  plan out_;
  // Numbers of operations by container.
  std::map<std::string, int> stops_, names_, starts_;
  numbers all_stops_, verifications_;
  int copied_ = 0;  // 0: no data is touched
  int restored_ = 0;
};

}  // namespace

plan plan_undo(const plan& failed, const undo_options& options) { return undo_planner(failed, options).decide(); }

}  // namespace orchestration
