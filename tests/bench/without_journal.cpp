// dockupd whose steps leave no trace: what tests/bench/journal.py compares with. The linker puts these two in the place
// of store::intend() and store::done() (--wrap, tests/CMakeLists.txt); were their names or arguments changed, the
// real ones would stay in, and the bench looks that they are out.
#include <string>

#include "docker_client/json.hpp"

// NOLINTBEGIN(bugprone-reserved-identifier): the linker gives these names
extern "C" {
void __wrap__ZN13orchestration5store6intendERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEES8_iS8_(
    void*, const std::string&, const std::string&, int, const std::string&) {}
void __wrap__ZN13orchestration5store4doneERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEES8_iS8_RKN6docker4jsonE(
    void*, const std::string&, const std::string&, int, const std::string&, const docker::json&) {}
}
// NOLINTEND(bugprone-reserved-identifier)
