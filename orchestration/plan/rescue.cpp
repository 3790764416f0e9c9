#include "orchestration/plan/rescue.hpp"

#include <algorithm>
#include <initializer_list>

#include "orchestration/plan/reconcile.hpp"

namespace orchestration {
namespace {

constexpr const char* heading = R"sh(#!/bin/sh
# Brings back what ran before an interrupted run of dockupd, without dockupd. As root, with DOCKER_HOST set when dockupd
# was given another engine than the default:
#
#     sh rescue.sh
#
# It may be run again, wherever it was stopped. It removes no container: what the interrupted run made is stopped and
# renamed. Afterwards, `dockupd recover` ends the run in dockupd's records and removes what is left over.
)sh";

constexpr const char* about_untouched_data = R"sh(#
# Nothing new has written to the volumes, or their data has been put back already: they are left alone.
)sh";

constexpr const char* about_restored_data = R"sh(#
# The new version may have written to the volumes: before anything old starts, their content is replaced by the archives
# made before, after a copy of what is there now. Once that is done it is never done again.
)sh";

// Single failures are counted; give_up() is for those after which going on would let two versions write to one volume,
// or start one on half of its data.
constexpr const char* functions = R"sh(
set -u
umask 077

failures=0
say() { printf '%s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  failures=$((failures + 1))
}
give_up() {
  printf 'STOPPED HERE: %s\n' "$*" >&2
  exit 1
}

look() { docker container inspect --format "$1" -- "$2" 2> /dev/null; }
is_running() { [ "$(look '{{.State.Running}}' "$1")" = true ]; }
of_attempt() {
  docker ps --all --quiet --no-trunc --filter "label=io.dockupd.attempt=$attempt" --filter "label=io.dockupd.subject=$1"
}

set_policy() { # ID POLICY WHAT
  docker update --restart "$2" -- "$1" > /dev/null || fail "restart policy of $3 is not $2"
}
stop() { # ID WHAT: stops it, and lets no reboot start it again
  case $(look '{{.HostConfig.RestartPolicy.Name}}' "$1") in
    '' | no) ;;
    *) set_policy "$1" no "$2" ;;
  esac
  is_running "$1" || return 0
  say "stop $2"
  docker stop -- "$1" > /dev/null
  if is_running "$1"; then give_up "$2 ($1) still runs. Stop it, then run this again"; fi
}
rename() { # ID NAME
  [ "$(look '{{.Name}}' "$1")" != "/$2" ] || return 0
  say "rename $1 to $2"
  docker rename -- "$1" "$2" || fail "$1 is not called $2"
}

stop_new() { # SUBJECT
  found=$(of_attempt "$1") || give_up 'the engine does not answer'
  for id in $found; do stop "$id" "the new $1"; done
}
no_new_runs() { # SUBJECT…; the proof: an engine that went silent shows nothing running either
  docker ps --quiet > /dev/null || give_up 'the engine does not answer'
  for subject in "$@"; do
    found=$(docker ps --quiet --filter "label=io.dockupd.attempt=$attempt" \
      --filter "label=io.dockupd.subject=$subject") || give_up 'the engine does not answer'
    [ -z "$found" ] || give_up "the new $subject runs: stop it, then run this again: docker stop $found"
  done
}
set_new_aside() { # SUBJECT NAME
  for id in $(of_attempt "$1"); do rename "$id" "$2"; done
}
old() { # ID SUBJECT: the one that ran, or, where somebody removed that, the one that dockupd made anew on its way back
  if look '{{.Id}}' "$1" > /dev/null; then
    printf '%s\n' "$1"
  else
    of_attempt "$2.anew"
  fi
}
name_old() { # ID SUBJECT NAME
  id=$(old "$1" "$2")
  [ -z "$id" ] || rename "$id" "$3"
}
start_old() { # ID SUBJECT POLICY running|paused|stopped
  id=$(old "$1" "$2")
  if [ -z "$id" ]; then
    fail "$2 ($1) is gone: somebody removed it"
    return 0
  fi
  [ "$3" = no ] || set_policy "$id" "$3" "$2"
  [ "$4" != stopped ] || return 0
  if ! is_running "$id"; then
    say "start $2"
    docker start -- "$id" > /dev/null || fail "$2 ($id) does not start"
  fi
}
pause_old() { # ID SUBJECT
  id=$(old "$1" "$2")
  [ "$(look '{{.State.Paused}}' "$id")" = false ] || return 0
  docker pause -- "$id" > /dev/null || fail "$2 ($id) is not paused"
}
await_healthy() { # ID SUBJECT SECONDS
  id=$(old "$1" "$2")
  left=$3
  while :; do
    case $(look '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$id") in
      'running healthy' | 'running ' | paused*) return 0 ;;
      running* | restarting*) ;;
      *) break ;;
    esac
    [ "$left" -gt 0 ] || break
    left=$((left - 1))
    sleep 1
  done
  fail "$2 ($1) is not healthy: docker logs ${id:-$1}"
}
tag_back() { # IMAGE_ID REFERENCE
  docker tag -- "$1" "$2" || fail "$2 does not mean $1 again"
}
mark() { # FILE
  : > "$directory/$1" || give_up "cannot write $directory/$1, which dockupd has to find afterwards"
  sync
}
)sh";

constexpr const char* data_functions = R"sh(
check_archive() { # VOLUME ARCHIVE SHA256: before anything is emptied
  say "check $2"
  [ -f "$2" ] || give_up "the archive of volume $1 is missing: $2"
  sum=$(sha256sum < "$2") || give_up "cannot read $2"
  [ "${sum%% *}" = "$3" ] || give_up "$2 is damaged: its SHA-256 is not $3"
}
put_back() { # VOLUME ARCHIVE COPY
  mountpoint=$(docker volume inspect --format '{{.Mountpoint}}' -- "$1") || give_up "volume $1 cannot be found"
  case $mountpoint in
    /?*) ;;
    *) give_up "volume $1 has no directory on this host" ;;
  esac
  [ -d "$mountpoint" ] || give_up "$mountpoint, where volume $1 is, cannot be seen: run this on the engine's host, as root"
  users=$(docker ps --quiet --filter "volume=$1") || give_up 'the engine does not answer'
  [ -z "$users" ] || give_up "containers still use volume $1: stop them, then run this again: $users"
  if [ ! -d "$safety_snapshot" ] && [ ! -e "$3" ]; then
    say "copy what is on volume $1 now to $3"
    if tar --zstd --xattrs --xattrs-include='*' --acls --numeric-owner -C "$mountpoint" -cpf "$3.partial" .; then
      sync
      mv -- "$3.partial" "$3" || give_up "cannot write $3"
    else
      rm -f -- "$3.partial"
      [ -n "${WITHOUT_COPY:-}" ] ||
        give_up "volume $1 cannot be copied, and was not replaced. To lose what is there: WITHOUT_COPY=1 sh $0"
    fi
  fi
  users=$(docker ps --quiet --filter "volume=$1") || give_up 'the engine does not answer'
  [ -z "$users" ] || give_up "containers use volume $1 again: stop them, then run this again: $users"
  say "put back volume $1 from $2"
  find "$mountpoint" -xdev -mindepth 1 -delete || give_up "$mountpoint cannot be emptied"
  tar --zstd --xattrs --xattrs-include='*' --acls --numeric-owner -C "$mountpoint" -xpf "$2" ||
    give_up "volume $1 is only partly put back. Mend that, then run this again"
}
)sh";

constexpr const char* checks = R"sh(
command -v docker > /dev/null || give_up 'there is no docker command'
[ -f "$directory/plan.json" ] || give_up "this run of dockupd has ended: $directory is gone"
# Files on two file systems have the same number. The mount's, since what stat says is another on btrfs; without it, the
# number alone: a lock too many is seen rather than one too few.
lock_inode=$(stat -c %i -- "$lock_file" 2> /dev/null)
device=$(findmnt -n -o MAJ:MIN -T "$lock_file" 2> /dev/null | tr -d ' ')
case $device in
  *[!0-9:]* | '' | *:*:*) device= ;;
  *:*) device=$(printf '%02x:%02x' "${device%:*}" "${device#*:}") ;;
  *) device= ;;
esac
if [ -n "$lock_inode" ] && grep -q "OFDLCK.* ${device:-.*}:$lock_inode " /proc/locks 2> /dev/null; then
  give_up "dockupd is at work on this project: stop it first. When none runs: rm $lock_file"
fi
# One of these scripts at a time, and no dockupd recover beside it: it holds the directory as long as it runs.
exec 9< "$directory" || give_up "cannot open $directory"
if command -v flock > /dev/null && ! flock -n 9; then
  give_up "dockupd recover, or another run of this script, is at work on this project"
fi
answer=$(docker info --format '{{.ID}}') || give_up 'the engine does not answer: does it run, and is DOCKER_HOST right?'
[ -z "$engine" ] || [ "$answer" = "$engine" ] ||
  give_up "this is engine $answer, and the project is on $engine: set DOCKER_HOST or DOCKER_CONTEXT"
)sh";

constexpr const char* ending_text = R"sh(
if [ "$failures" -gt 0 ]; then
  printf '%s: %s of the steps above failed\n' "$project" "$failures" >&2
  exit 1
fi
)sh";

/// "on-failure:3", as `docker update --restart` takes it.
std::string policy_text(const docker::json& policy) {
  const std::string name = policy.string_at({"Name"});
  if (name.empty()) return "no";
  const std::int64_t tries = policy.int64_at({"MaximumRetryCount"});
  return name == "on-failure" && tries > 0 ? name + ":" + std::to_string(tries) : name;
}

std::string seconds_text(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count());
}

std::string leave_text(run_state leave) {
  if (leave == run_state::paused) return "paused";
  return leave == run_state::stopped ? "stopped" : "running";
}

class script_writer {
 public:
  script_writer(const plan& forward, const rescue_options& options)
      : forward_(forward), options_(options), undo_(plan_undo(forward, how_to_undo(options))) {}

  std::string write() {
    const bool with_data = !options_.archives.empty();
    out_ = heading;
    out_ += with_data ? about_restored_data : about_untouched_data;
    settings();
    out_ += functions;
    if (with_data) out_ += data_functions;
    out_ += checks;
    if (with_data) check_archives();
    section("From here on, dockupd does not go on with the run: it only goes back.");
    call("mark", {rescue_begun});
    stop_new();
    give_names_back();
    if (with_data) put_data_back();
    section("Whatever happens from here on, the data is never put back again: the old version writes to it.");
    no_new_runs();
    call("mark", {rescue_done});
    start_old();
    prove();
    tags_back();
    end();
    return std::move(out_);
  }

 private:
  static undo_options how_to_undo(const rescue_options& options) {
    undo_options how;
    how.data = options.archives.empty() ? restore_data::no : restore_data::yes;
    return how;
  }

  template <class Kind, class Do>
  static void each(const plan& p, Do act) {
    for (const operation& o : p.operations)
      if (const auto* found = std::get_if<Kind>(&o.what)) act(*found);
  }

  void section(const char* text) { out_ += std::string("\n# ") + text + "\n"; }
  void call(const std::string& function, std::initializer_list<std::string> words, const std::string& indent = "") {
    out_ += indent + function;
    for (const std::string& word : words) out_ += " " + shell_word(word);
    out_ += "\n";
  }
  void set(const std::string& variable, const std::string& value) { out_ += variable + "=" + shell_word(value) + "\n"; }

  void settings() {
    out_ += "\n";
    set("project", forward_.project);
    set("attempt", forward_.attempt_id);
    set("directory", options_.directory);
    set("lock_file", options_.lock_file);
    set("engine", options_.engine_id);
    set("safety_snapshot", options_.safety_snapshot);
  }

  void stop_new() {
    section("What the run started.");
    each<stop_container>(undo_, [&](const stop_container& s) {
      if (s.target.id.empty())
        call("stop_new", {s.target.subject});
      else if (options_.archives.empty())
        call("stop", {s.target.id, s.target.subject});
    });
  }

  void no_new_runs() {
    out_ += "no_new_runs";
    each<create_container>(forward_, [&](const create_container& c) { out_ += " " + shell_word(c.target.subject); });
    out_ += "\n";
  }

  void give_names_back() {
    section("The names.");
    each<rename_container>(undo_, [&](const rename_container& r) {
      if (r.target.id.empty())
        call("set_new_aside", {r.target.subject, r.to});
      else
        call("name_old", {r.target.id, r.target.subject, r.to});
    });
  }

  void check_archives() {
    section("The archives, before anything is changed.");
    out_ += "if [ ! -e \"$directory/" + std::string(rescue_done) + "\" ]; then\n";
    out_ += "  command -v zstd > /dev/null || give_up 'there is no zstd command, and the archives need it'\n";
    for (const rescue_archive& a : options_.archives) call("check_archive", {a.volume, a.file, a.sha256}, "  ");
    out_ += "fi\n";
  }

  void put_data_back() {
    section("The data, under nobody's feet: what ran on it may have been started again meanwhile.");
    out_ += "if [ -e \"$directory/" + std::string(rescue_done) + "\" ]; then\n";
    out_ += "  say 'the data was put back by an earlier run of this script: it is left alone'\nelse\n";
    each<stop_container>(forward_, [&](const stop_container& s) {
      if (!s.target.id.empty()) call("stop", {s.target.id, s.target.subject}, "  ");
    });
    for (const rescue_archive& a : options_.archives) {
      const std::string file = a.file.substr(a.file.rfind('/') + 1);
      call("put_back", {a.volume, a.file, options_.directory + "/before-rescue." + file}, "  ");
    }
    out_ += "  sync\nfi\n";
  }

  void start_old() {
    section("What ran before, those first that others depend on.");
    each<start_container>(undo_, [&](const start_container& s) {
      const std::string& id = s.target.id;
      call("start_old", {id, s.target.subject, policy_text(s.restart_policy), leave_text(s.leave)});
      if (s.until == goal::healthy) call("await_healthy", {id, s.target.subject, seconds_text(s.budget)});
      if (s.leave == run_state::paused) call("pause_old", {id, s.target.subject});
    });
  }

  void prove() {
    section("Does it run?");
    each<verify_container>(undo_, [&](const verify_container& v) {
      if (v.expected == run_state::running)
        call("await_healthy", {v.target.id, v.target.subject, seconds_text(v.budget)});
    });
  }

  void tags_back() {
    each<keep_image>(undo_, [&](const keep_image& k) { call("tag_back", {k.image_id, k.keep_as}); });
    each<pin_tag>(undo_, [&](const pin_tag& p) {
      const std::string wanted = p.value.empty() ? "must not set " + p.variable : "has to say " + to_text(p);
      call("say", {"Look into " + p.file + ": it " + wanted +
                   (p.previous.empty() ? "" : (p.value.empty() ? " to " : ", not ") + p.previous) +
                   ", or the next `docker compose up` deploys that"});
    });
    each<pin_images>(undo_, [&](const pin_images& p) {
      for (const pinned_image& i : p.images)
        call("say", {"Look into " + p.file + ", if it is there: services." + i.service + ".image has to be " +
                     (i.image.empty() ? "gone" : i.image) + ", not " + i.previous +
                     ", or the next `docker compose up` deploys that"});
    });
  }

  void end() {
    out_ += ending_text;
    call("say", {forward_.project + ": what ran before runs again. When dockupd can be had: dockupd recover -p " +
                 forward_.project});
  }

  const plan& forward_;
  const rescue_options& options_;
  const plan undo_;
  std::string out_;
};

}  // namespace

std::string rescue_script(const plan& forward, const rescue_options& options) {
  return script_writer(forward, options).write();
}

std::string shell_word(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/' || c == ':';
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace orchestration
