#include "orchestration/plan/mend_undo.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/joined.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

constexpr std::string_view anew = ".anew";  // its subject must not be that of the failed version's container

/// The container that an operation of an undo acts on; null: none, or one that the failed plan made.
container_ref* target_of(action& a) {
  if (auto* o = std::get_if<stop_container>(&a)) return &o->target;
  if (auto* o = std::get_if<rename_container>(&a)) return &o->target;
  if (auto* o = std::get_if<start_container>(&a)) return &o->target;
  if (auto* o = std::get_if<verify_container>(&a)) return &o->target;
  return nullptr;
}

std::string without_repository(const std::string& digest) { return digest.substr(digest.find('@') + 1); }

class mender {
 public:
  mender(const plan& undo, const release& before, const observed_state& observed, const mend_options& options)
      : undo_(undo), before_(before), observed_(observed), options_(options) {}

  plan decide() {
    find_gone();
    if (gone_.empty() && !lost_network()) return undo_;
    plan out;
    out.project = undo_.project;
    out.attempt_id = undo_.attempt_id;
    out.notes = undo_.notes;
    make_resources();
    make_containers();
    take_over();
    add_restore();
    sort_into(out);
    return out;
  }

 private:
  struct replacement {
    const released_container* record;
    container_ref target;
    bool is_there = false;  // but joins one that is gone, and so cannot be started any more
  };

  void add(phase when, action what, std::string cause, std::vector<int> after = {}) {
    operation o;
    o.when = when;
    o.what = std::move(what);
    o.cause = std::move(cause);
    o.after = std::move(after);
    steps_.push_back(std::move(o));
  }

  bool lost_network() const {
    return std::any_of(before_.networks.begin(), before_.networks.end(), [&](const released_network& n) {
      return !n.external && !observed_.networks.contains(n.name) && !makes_network(n.name);
    });
  }

  // Mended before, and not carried out yet.
  bool makes_network(const std::string& name) const {
    return std::any_of(undo_.operations.begin(), undo_.operations.end(), [&](const operation& o) {
      const auto* made = std::get_if<ensure_network>(&o.what);
      return made != nullptr && made->name == name;
    });
  }

  void find_gone() {
    for (const operation& o : undo_.operations) {
      action what = o.what;
      const container_ref* target = target_of(what);
      if (target == nullptr || target->id.empty() || gone_.contains(target->id)) continue;
      const observed_container* there = find(target->id);
      ids_[target->subject] = target->id;
      if (there == nullptr) lose(*target, false);
    }
    for (bool more = true; more;) {
      more = false;
      for (const auto& [subject, id] : ids_)
        if (!gone_.contains(id) && joins_what_is_gone(*find(id))) more = lose({subject, id}, true);
    }
  }

  bool lose(const container_ref& target, bool is_there) {
    gone_[target.id] = {&record_of(target.subject), {target.subject + std::string(anew), ""}, is_there};
    return true;
  }

  const observed_container* find(const std::string& id) const {
    for (const observed_container& c : observed_.containers)
      if (c.id == id) return &c;
    return nullptr;
  }

  bool joins_what_is_gone(const observed_container& c) const {
    const docker::json* host = c.inspect.find("HostConfig");
    if (host == nullptr) return false;
    for (const std::string& id : containers_joined_by(*host))
      if (gone_.contains(id)) return true;
    return false;
  }

  /// The container that stands for a service of the release once all is mended; nullopt: none does.
  std::optional<container_ref> stand_in(const std::string& service) const {
    const released_container* first = nullptr;
    for (const released_container& c : before_.containers)
      if (c.service == service && (first == nullptr || c.name < first->name)) first = &c;
    if (first == nullptr) return std::nullopt;
    const std::string subject = service + "." + std::to_string(first->number);
    const auto touched = ids_.find(subject);
    if (touched == ids_.end()) {
      const observed_container* untouched = first_of(service, observed_);
      if (untouched == nullptr) return std::nullopt;
      return container_ref{subject, untouched->id};
    }
    const auto replaced = gone_.find(touched->second);
    return replaced == gone_.end() ? container_ref{subject, touched->second} : replaced->second.target;
  }

  const released_container& record_of(const std::string& subject) const {
    for (const released_container& c : before_.containers)
      if (c.service + "." + std::to_string(c.number) == subject) return c;
    throw plan_error("the container of " + subject + " that ran before is gone, and r" +
                     std::to_string(before_.number) + " does not know it");
  }

  // --- what the containers need ---

  void make_resources() {
    for (const released_network& n : before_.networks)
      if (!n.external && !observed_.networks.contains(n.name) && !makes_network(n.name))
        add(phase::cut_over, ensure_network{n.name, n.body}, "was removed");
    for (const released_volume& v : before_.volumes) {
      if (v.external || observed_.volumes.contains(v.name)) continue;
      if (!options_.archived.contains(v.name))
        throw plan_error("volume " + v.name + " was removed, and there is no snapshot of its present data");
      add(phase::cut_over, ensure_volume{v.name, v.body}, "was removed");
      emptied_.push_back({v.name, v.key, ""});
    }
    std::set<std::string> pulled;
    for (const auto& [id, replaced] : gone_) {
      const released_container& c = *replaced.record;
      if (options_.local_images.contains(c.image_id) || c.image_digest.empty()) continue;
      if (!pulled.insert(c.image_reference).second) continue;
      pull_image pull;
      pull.reference = c.image_reference;
      pull.digest = without_repository(c.image_digest);
      pull.services.push_back(c.service);
      add(phase::cut_over, std::move(pull), "was removed");
    }
  }

  void make_containers() {
    reconcile_options identity;
    identity.attempt_id = undo_.attempt_id;
    identity.store_id = options_.store_id;
    std::vector<std::pair<std::string, replacement>> in_order(gone_.begin(), gone_.end());
    std::stable_sort(in_order.begin(), in_order.end(), [](const auto& a, const auto& b) {
      return a.second.record->start_level < b.second.record->start_level;
    });
    for (const auto& [id, replaced] : in_order) {
      const released_container& c = *replaced.record;
      create_container create;
      create.target = replaced.target;
      create.name = c.name;
      create.temporary_name = name_of_rebuilt(c.name, undo_.attempt_id);
      create.image = c.image_reference;
      create.image_id = c.image_id;
      create.body = body_by_names(c, before_);
      for (const std::string& service : services_joined_by(create.body))
        if (const std::optional<container_ref> container = stand_in(service))
          create.joins.push_back({service, *container});
      if (!create.joins.empty()) create.hashed = c.hashed;
      create.files = c.files;
      create.connect_after = c.connect_after;
      if (replaced.is_there) create.replaces = id;
      add_attempt_labels(create.body, replaced.target.subject, identity);
      add(phase::cut_over, std::move(create), replaced.is_there ? "joins what was removed" : "was removed");
    }
  }

  // --- what the undo does ---

  void take_over() {
    for (const operation& o : undo_.operations) {
      operation copy = o;
      renumbered_[o.number] = steps_.size();
      if (options_.data_is_back && is_about_data(o)) continue;
      if (container_ref* target = target_of(copy.what); target != nullptr)
        if (const auto found = gone_.find(target->id); found != gone_.end()) {
          // It was not set aside, nor does it run.
          if (std::holds_alternative<rename_container>(o.what) || std::holds_alternative<stop_container>(o.what))
            continue;
          *target = found->second.target;
          // Its hash holds the id of another one.
          if (auto* verify = std::get_if<verify_container>(&copy.what);
              verify && !found->second.record->hashed.is_null())
            verify->config_hash.clear();
        }
      steps_.push_back(std::move(copy));
      kept_.insert(o.number);
    }
    for (const auto& [id, replaced] : gone_) {
      if (replaced.is_there)
        add(phase::cut_over, remove_container{{replaced.target.subject, id}, false}, "joins what was removed");
      rename_container rename;
      rename.target = replaced.target;
      rename.from = name_of_rebuilt(replaced.record->name, undo_.attempt_id);
      rename.to = replaced.record->name;
      add(phase::cut_over, std::move(rename), "the old version");
    }
  }

  static bool is_about_data(const operation& o) {
    return std::holds_alternative<restore_volumes>(o.what) || std::holds_alternative<snapshot_volumes>(o.what);
  }

  void add_restore() {
    if (emptied_.empty()) return;
    for (operation& o : steps_)
      if (auto* restore = std::get_if<restore_volumes>(&o.what)) {
        for (const volume_target& v : emptied_)
          if (std::none_of(restore->volumes.begin(), restore->volumes.end(),
                           [&](const volume_target& other) { return other.name == v.name; }))
            restore->volumes.push_back(v);
        return;
      }
    restore_volumes restore;
    restore.snapshot_id = options_.snapshot_id;
    restore.volumes = emptied_;
    add(phase::restore, std::move(restore), "was removed");
  }

  // Phases run one after the other, so only the order within each counts.
  void sort_into(plan& out) {
    std::vector<int> numbers(steps_.size());
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < steps_.size(); ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return steps_[a].when < steps_[b].when; });
    for (std::size_t i = 0; i < order.size(); ++i) numbers[order[i]] = static_cast<int>(i) + 1;
    for (const std::size_t i : order) {
      operation o = steps_[i];
      std::vector<int> after;
      for (const int number : o.after)
        if (kept_.contains(number)) after.push_back(numbers[renumbered_.at(number)]);
      std::sort(after.begin(), after.end());
      o.after = std::move(after);
      o.number = numbers[i];
      out.operations.push_back(std::move(o));
    }
  }

  const plan& undo_;
  const release& before_;
  const observed_state& observed_;
  const mend_options& options_;
  std::map<std::string, std::string> ids_;   // subject → id, of all that the undo counts on
  std::map<std::string, replacement> gone_;  // by id
  std::vector<volume_target> emptied_;
  std::vector<operation> steps_;
  std::map<int, std::size_t> renumbered_;  // number in the undo → index in steps_
  std::set<int> kept_;                     // numbers in the undo
};

}  // namespace

undo_targets targets_of_undo(const plan& undo) {
  undo_targets out;
  for (const operation& o : undo.operations) {
    action what = o.what;
    const container_ref* target = target_of(what);
    if (target == nullptr) continue;
    if (!target->id.empty()) out.ids.insert(target->id);
    if (target->subject.ends_with(anew)) out.made_anew.insert(target->subject);
  }
  return out;
}

plan mend_undo(const plan& undo, const release& before, const observed_state& observed, const mend_options& options) {
  return mender(undo, before, observed, options).decide();
}

}  // namespace orchestration
