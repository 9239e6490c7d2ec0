// Large variables that lie in two places: a step reads each where it is and makes it anew where it is not, so that steps of one run
// copy nothing, and the old values are whole until the guard was found finite.
#pragma once
#include <functional>

#include "layout.h"

namespace elman {

class Twins {
 public:
  // variables: their memory, by index. bytes: of a value. held: by value, whether sums of shards lie in it.
  Twins(const Spec& spec, const std::vector<char*>& variables, const std::function<int64_t(int)>& bytes,
        const std::vector<bool>& held);

  // Where a value lies, a twin or a view of one, when twins are read in their other place or at home; nullptr: it is none.
  char* place(int value, bool away) const;
  // Whether an update is a twin's, which needs no copy
  bool made_in_place(const Update& u) const;

  bool away() const { return away_; }  // where they are now
  void turn() { away_ = !twins_.empty() && !away_; }  // behind a step
  void settle();  // brings all home

 private:
  struct Twin {
    char* home;
    int64_t other, bytes;  // other: offset in others_
  };

  const Spec& spec_;
  const std::vector<char*>& variables_;
  std::vector<Twin> twins_;
  std::vector<int> twin_of_;  // by value: the twin whose old value (a variable) or new one (an update) it is, or -1
  Block others_;
  bool away_ = false;
};

}  // namespace elman
