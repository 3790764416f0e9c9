#include <algorithm>

#include "docker_client/error.hpp"
#include "orchestration/files/disk_space.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/plan/rescue.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/guard.hpp"
#include "orchestration/run/observe.hpp"
#include "orchestration/run/rescue_files.hpp"
#include "orchestration/run/targets.hpp"
#include "orchestration/update/update_machine.hpp"
#include "tools/dockupd/printable.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

using orchestration::observed_container;
using orchestration::observed_state;
using orchestration::release;

/// What the engine shows, or why it could not be asked: status answers without it too.
struct engine_view {
  std::optional<observed_state> observed;
  std::optional<orchestration::guard_info> held_for;  // another state directory, or a run of this one that died
  std::string problem;
};

engine_view look(session& s) {
  engine_view view;
  try {
    view.observed = s.run(observe(s.engine(), orchestration::observe_request(s.project_name())));
    view.held_for = s.run(orchestration::find_guard(s.engine(), s.project_name()));
    if (view.held_for && s.running()) view.held_for.reset();  // that run's own
  } catch (const docker::error& error) {
    view.problem = error.what();
  }
  return view;
}

/// Where each tag comes from, as the compose files say now; none where they cannot be had: status answers without them.
std::vector<orchestration::service_outlook> tags_of(session& s, const engine_view& view) {
  const orchestration::project* here = s.project_here(view.observed ? &*view.observed : nullptr);
  return here == nullptr ? std::vector<orchestration::service_outlook>() : orchestration::tags_in(*here);
}

/// Where no room is kept back for a rollback on a full disk.
std::vector<std::string> missing_ballast(session& s) {
  orchestration::ballast kept;
  kept.add(s.state_directory() / "ballast");
  try {
    const std::filesystem::path place = s.run(orchestration::ballast_place_of(s.engine()));
    if (!place.empty()) kept.add(place);
  } catch (const docker::error&) {
    // That the engine is silent is said already.
  }
  std::vector<std::string> out;
  for (const std::filesystem::path& file : kept.missing()) out.push_back(file.string());
  return out;
}

std::string state_text(const observed_container& c) {
  std::string text(to_text(c.state));
  if (c.health != orchestration::health_state::none) text += " (" + std::string(to_text(c.health)) + ")";
  if (c.state == orchestration::container_state::exited) text += " (" + std::to_string(c.exit_code) + ")";
  return text;
}

/// Whether `dockupd rollback` could be typed now, and what it would do.
struct readiness {
  std::optional<release> target;
  std::string snapshot;
  std::string problem;  // empty: ready
};

docker::task<std::string> missing_image(orchestration::engine& e, release target) {
  for (const orchestration::released_container& c : target.containers) {
    const auto image = co_await e.inspect_image(c.image_id);
    if (!image) co_return c.image_reference + " (" + c.image_id.substr(0, 19) + ") is no longer on this engine";
  }
  co_return std::string();
}

readiness rollback_readiness(session& s, bool engine_answers) {
  readiness out;
  const orchestration::store& records = s.records();
  try {
    out.target = choose_target(records, std::nullopt);
    const release present = *records.current_release();
    const std::optional<orchestration::snapshot_row> newest = newest_snapshot_of(records, out.target->number);
    if (newest) out.snapshot = newest->id;
    // Without a snapshot the way back is open when the data may stay.
    if (!newest) choose_data(records, *out.target, present, orchestration::data_choice::as_policy);
  } catch (const orchestration::refusal& no) {
    out.problem = no.what();
    out.problem = out.problem.substr(0, out.problem.find(". "));
  }
  if (!out.snapshot.empty() && !s.snapshots().contains(out.snapshot))
    out.problem = "snapshot " + out.snapshot + " is missing on disk";
  if (out.target && engine_answers)
    if (const std::string missing = s.run(missing_image(s.engine(), *out.target)); !missing.empty())
      out.problem = missing;
  return out;
}

std::string drift_of(const std::optional<release>& current, const engine_view& view) {
  if (!current || !view.observed) return {};
  return describes(*current, *view.observed)
             ? ""
             : "what runs is not what release r" + std::to_string(current->number) + " recorded";
}

/// Of the run that is open, or that a person is needed for; empty: nothing is to be rescued.
std::string rescue_script(session& s) {
  const orchestration::store& records = s.records();
  const auto open = records.open_attempt();
  if (!open && !needs_a_person(records)) return {};
  const std::string id = open ? open->id : records.attempts().front().id;
  return orchestration::find_rescue_script(s.attempts_directory(), id).string();
}

/// Containers that the release has running and that are not, or not well.
std::vector<std::string> down_of(const std::optional<release>& current, const engine_view& view) {
  std::vector<std::string> out;
  if (!current || !view.observed) return out;
  for (const orchestration::released_container& wanted : current->containers) {
    if (!wanted.should_run || wanted.paused) continue;
    const auto& all = view.observed->containers;
    const auto found = std::find_if(all.begin(), all.end(), [&](const observed_container& c) {
      return c.service == wanted.service && c.number == wanted.number && c.name == wanted.name;
    });
    const bool up = found != all.end() && found->state == orchestration::container_state::running &&
                    found->health != orchestration::health_state::unhealthy;
    if (!up) out.push_back(wanted.name + ": " + (found == all.end() ? "not there" : state_text(*found)));
  }
  return out;
}

// --- a run that was interrupted ----------------------------------------------------------------------------------

/// What recover makes of it: a word for scripts, a sentence for people.
struct prospect {
  std::string way;
  std::string words;
};

prospect prospect_of(session& s, const orchestration::attempt& open) {
  using orchestration::resume_way;
  const orchestration::update_state state = orchestration::update_state_from_text(open.state);
  orchestration::rescue_places places;
  places.attempts = s.attempts_directory();
  const bool rescued = rescue_progress_of(places, open.id) != orchestration::rescue_progress::none;
  if (rescued && state != orchestration::update_state::committed)
    return {"undo", "somebody went back with rescue.sh: that is finished"};
  const bool back = open.kind == "rollback";
  switch (resume(state)) {
    case resume_way::undo:
      return {"undo", "nothing new has run yet: what ran before is brought back"};
    case resume_way::forward:
      return {"forward", back ? "the older release may be half in place: it goes on to it"
                              : "the new version may have run: it goes on forward, and when that is not proven back to "
                                "the old one and its data"};
    case resume_way::finish_undo:
      return {"finish_undo", "it was on its way back to the old version: that is finished"};
    case resume_way::finish:
      return {"finish", "the release is proven: only what was set aside is still to be removed"};
    case resume_way::nothing:
      break;
  }
  return {"nothing", "it has ended"};
}

std::string words_of(const orchestration::attempt& a) {
  std::string out = a.kind + " " + a.id + " while " + a.state;
  if (!a.who.empty()) out += ", by " + a.who;
  if (a.to_release > 0) out += ", to " + release_text(a.to_release, a.tag);
  out += ", since " + a.started_at;
  if (a.recoveries > 0) out += "; recovery was interrupted too, " + std::to_string(a.recoveries) + " times";
  return out;
}

docker::json json_of(session& s, const orchestration::attempt& a) {
  const prospect next = prospect_of(s, a);
  return docker::json::object({{"attempt", a.id},
                               {"kind", a.kind},
                               {"state", a.state},
                               {"by", a.who},
                               {"since", a.started_at},
                               {"tag", a.tag},
                               {"recoveries", a.recoveries},
                               {"way", next.way},
                               {"found", next.words},
                               {"command", "dockupd recover -p " + s.project_name()}});
}

bool is_foreign(session& s, const orchestration::guard_info& guard) { return guard.store != s.records().store_id(); }

void add_holder(std::vector<std::vector<std::string>>& rows, session& s, const orchestration::guard_info& guard) {
  const bool foreign = is_foreign(s, guard);
  if (!foreign && s.records().open_attempt()) return;  // the run that is told about already
  rows.push_back({"LOCKED", (foreign ? "the engine holds it for another dockupd: " : "left by a run that died: ") +
                                to_text(guard) + ", id " + guard.op});
  if (!foreign) rows.push_back({"type", "dockupd recover -p " + s.project_name()});
}

void print_text(session& s, const engine_view& view, const std::optional<release>& current, const readiness& ready) {
  const orchestration::store& records = s.records();
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"project", s.project_name()});
  rows.push_back({"release", current ? release_text(current->number, current->tag) + ", " + to_text(current->verdict) +
                                           ", " + current->created_at
                                     : "none yet"});
  const auto open = records.open_attempt();
  const auto running = s.running();
  if (running) rows.push_back({"RUNNING", to_text(*running)});
  if (open && !running) {
    rows.push_back({"INTERRUPTED", words_of(*open)});
    rows.push_back({"found", prospect_of(s, *open).words});
    rows.push_back({"type", "dockupd recover -p " + s.project_name()});
  }
  if (needs_a_person(records))
    rows.push_back({"ATTENTION", "the last attempt failed, and so did the way back; type: dockupd rollback -p " +
                                     s.project_name() + " --with-data; once it runs again by your own hand: dockupd " +
                                     "recover -p " + s.project_name()});
  if (const std::string script = rescue_script(s); !script.empty())
    rows.push_back({"rescue", "the old version, without dockupd: sh " + orchestration::shell_word(script)});
  if (!view.problem.empty()) rows.push_back({"ENGINE", view.problem});
  if (view.held_for) add_holder(rows, s, *view.held_for);
  const std::vector<std::string> all_down = down_of(current, view);
  for (const std::string& down : all_down) rows.push_back({"DOWN", down});
  if (!all_down.empty() && !open && !needs_a_person(records))
    rows.push_back({"type", "dockupd recover -p " + s.project_name()});
  if (const std::string drift = drift_of(current, view); !drift.empty()) rows.push_back({"DRIFT", drift});
  for (const orchestration::hold& h : records.holds())
    rows.push_back({"hold", h.reference + ": " + h.reason + ", since " + h.since});
  std::string way_back = "not possible: " + ready.problem;
  if (ready.problem.empty())
    way_back = "ready: " + release_text(ready.target->number, ready.target->tag) +
               (ready.snapshot.empty() ? ", data stays (no snapshot)" : " with snapshot " + ready.snapshot);
  rows.push_back({"rollback", way_back});
  for (const std::string& file : missing_ballast(s))
    rows.push_back({"no reserve", "no " + file +
                                      ": a rollback on a full disk may need room to be made first; the next "
                                      "update keeps some back when there is room"});
  print(table(rows));
  if (const std::string tags = tags_text(tags_of(s, view)); !tags.empty()) print("\n" + tags);
  if (!view.observed) return;
  rows.assign(1, {"CONTAINER", "STATE", "IMAGE"});
  for (const observed_container& c : view.observed->containers)
    rows.push_back({c.name, state_text(c), c.image_reference});
  print("\n" + table(rows));
}

std::string_view outcome_of(exit_code code) {
  if (code == exit_code::interrupted_run_found) return "interrupted";
  return outcome_name(code == exit_code::ok ? orchestration::ending::done : orchestration::ending::needs_person);
}

void print_json(session& s, const engine_view& view, const std::optional<release>& current, const readiness& ready,
                exit_code code) {
  const orchestration::store& records = s.records();
  docker::json out = document("status", s.project_name(), outcome_of(code), code);
  if (current)
    out["release"] = docker::json::object({{"number", current->number},
                                           {"tag", current->tag},
                                           {"verdict", to_text(current->verdict)},
                                           {"at", current->created_at}});
  const auto running = s.running();
  if (running) out["running"] = to_text(*running);
  if (const auto open = records.open_attempt(); open && !running) out["interrupted"] = json_of(s, *open);
  if (const std::string script = rescue_script(s); !script.empty()) out["rescue_script"] = script;
  if (!view.problem.empty()) out["engine_problem"] = printable(view.problem);
  if (view.held_for)
    out["locked"] = docker::json::object({{"op", printable(view.held_for->op)},
                                          {"by", printable(to_text(*view.held_for))},
                                          {"foreign", is_foreign(s, *view.held_for)}});
  out["drift"] = drift_of(current, view);
  out["down"] = docker::json::array_of(down_of(current, view));
  out["holds"] = docker::json::make_array();
  for (const orchestration::hold& h : records.holds())
    out["holds"].push_back(docker::json::object({{"image", h.reference}, {"digest", h.digest}, {"reason", h.reason}}));
  docker::json way_back = docker::json::object({{"ready", ready.problem.empty()}});
  if (ready.target) way_back["release"] = ready.target->number;
  if (!ready.snapshot.empty()) way_back["snapshot"] = ready.snapshot;
  if (!ready.problem.empty()) way_back["problem"] = ready.problem;
  out["rollback"] = std::move(way_back);
  out["missing_ballast"] = docker::json::array_of(missing_ballast(s));
  out["tags"] = to_json(tags_of(s, view));
  out["containers"] = docker::json::make_array();
  if (view.observed)
    for (const observed_container& c : view.observed->containers)
      out["containers"].push_back(docker::json::object({{"name", c.name},
                                                        {"service", c.service},
                                                        {"id", c.id},
                                                        {"state", to_text(c.state)},
                                                        {"health", to_text(c.health)},
                                                        {"image", c.image_reference},
                                                        {"image_id", c.image_id}}));
  print(out);
}

}  // namespace

exit_code run_status(session& s) {
  const std::optional<release> current = s.records().current_release();
  const engine_view view = look(s);
  const readiness ready = rollback_readiness(s, view.problem.empty());
  exit_code code = needs_a_person(s.records()) ? exit_code::needs_person : exit_code::ok;
  if (s.records().open_attempt() && !s.running()) code = exit_code::interrupted_run_found;
  if (s.asked().json)
    print_json(s, view, current, ready, code);
  else
    print_text(s, view, current, ready);
  return code;
}

}  // namespace dockupd
