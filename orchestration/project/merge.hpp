// A later compose file over an earlier one.
#pragma once

#include <string>
#include <vector>

#include "orchestration/project/tree_path.hpp"
#include "orchestration/project/yaml.hpp"

namespace orchestration {

/// `over` on top of `base`, by compose's rules for the place in the project: mappings merge, lists append, scalars
/// replace, and about thirty attributes have a rule of their own. Throws load_error where the kinds do not fit.
yaml_node merged(yaml_node base, yaml_node over, const tree_path& path);

/// Leaves one entry for each key in the lists that have keys (environment by name, volumes by target, …): the later
/// one, at the place of the earlier.
void keep_unique(yaml_node& node, const tree_path& path);

/// Takes away what stands at the path; nothing when there is nothing.
void erase_at(yaml_node& root, const std::vector<std::string>& path);

}  // namespace orchestration
