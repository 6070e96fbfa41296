/* Loops of other libraries in a form that cppcheck understands. Read by cppcheck only. */
#define json_object_foreach(o, k, v) for ((k) = next_key(o); ((v) = next_value(o)) != 0;)
#define json_array_foreach(a, i, v) for ((i) = 0; ((v) = json_array_get((a), (i))) != 0; (i)++)
#define HASH_ITER(hh, head, el, tmp) for ((tmp) = (el) = (head); (el) != 0; (el) = (tmp))
