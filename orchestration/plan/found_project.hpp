// A project that no compose file is at hand for, from its running containers alone: each is to be made again as the
// engine shows it, from another image.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

/// Which images are to change. Without any: all are fetched again under the references they have.
struct image_changes {
  image_changes() = default;
  std::string tag;                            // for `services`, or for all when they share one tag
  std::set<std::string> services;             // the chosen ones; empty: all
  std::map<std::string, std::string> images;  // service → reference
};

struct found_project {
  project value;
  std::set<std::string> services;  // those to look at, as reconcile_options has them
  std::set<std::string> moved;     // those that get another image
  std::string tag_before;          // the tag that is replaced; empty: none, or several
  std::vector<std::string> notes;
};

/// What the images of the containers filled in is told from what was asked for, so `observed` holds their configs.
/// plan_error when nothing is there, when a service is not, and when it is not clear which images are meant.
found_project project_from_containers(const std::string& name, const observed_state& observed,
                                      const image_changes& changes);

/// Where the labels of the containers say that their compose files are. The newest container counts.
struct labelled_files {
  std::string working_dir;               // absolute; empty: no label says so
  std::vector<std::string> files;        // absolute
  std::vector<std::string> environment;  // --env-file, absolute
};
labelled_files files_by_label(const observed_state& observed);

}  // namespace orchestration
