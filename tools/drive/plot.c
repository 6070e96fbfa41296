/* Latency distributions of several reports as one SVG: share of answers over time, logarithmic,
 * readable in print and without colour (each line has its own dashes and its name at its end).
 */
#include <math.h>
#include <string.h>

#include "drive/drive.h"

#define WIDTH 900
#define HEIGHT 480
#define LEFT 70
#define RIGHT 230
#define TOP 40
#define BOTTOM 60
#define X_MIN_US 100.0
#define X_MAX_US 1000000.0

static double x_of(double us)
{
    double v = us < X_MIN_US ? X_MIN_US : us > X_MAX_US ? X_MAX_US : us;
    return LEFT + (log10(v) - log10(X_MIN_US)) / (log10(X_MAX_US) - log10(X_MIN_US)) *
                      (WIDTH - LEFT - RIGHT);
}

/* Nines are what matters: 0, 90 %, 99 %, 99.9 % at equal distances. */
static double y_of(double share)
{
    double nines = -log10(1.0 - (share > 0.9995 ? 0.9995 : share));
    return HEIGHT - BOTTOM - nines / 3.3 * (HEIGHT - TOP - BOTTOM);
}

static void axes(FILE *f)
{
    static const char *const times[] = {"0.1 ms", "1 ms", "10 ms", "100 ms", "1 s"};
    static const double shares[] = {0.0, 0.5, 0.9, 0.99, 0.999};
    for (int i = 0; i < 5; i++) {
        double x = x_of(X_MIN_US * pow(10, i));
        (void)fprintf(f,
                      "<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='#ccc'/><text x='%.1f' "
                      "y='%d' text-anchor='middle'>%s</text>\n",
                      x, TOP, x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 20, times[i]);
    }
    for (int i = 0; i < 5; i++) {
        double y = y_of(shares[i]);
        (void)fprintf(f,
                      "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#ccc'/><text x='%d' "
                      "y='%.1f' text-anchor='end'>%g %%</text>\n",
                      LEFT, y, WIDTH - RIGHT, y, LEFT - 8, y + 4, shares[i] * 100);
    }
    (void)fprintf(f, "<text x='%d' y='%d'>answered within (log scale)</text>\n", LEFT, HEIGHT - 15);
}

static const char *name_of(const char *path, char *out, size_t cap)
{
    const char *slash = strrchr(path, '/');
    (void)snprintf(out, cap, "%s", slash == NULL ? path : slash + 1);
    out[strcspn(out, ".")] = '\0';
    return out;
}

static void line(FILE *f, const json_t *cdf, const char *path, size_t index)
{
    static const char *const dashes[] = {"", "8 4", "2 3", "12 3 2 3", "4 4", "1 4"};
    static const char *const colours[] = {"#000",    "#1f4e9c", "#b03a2e",
                                          "#1e8449", "#7d3c98", "#555"};
    char name[64];
    (void)fprintf(
        f, "<polyline fill='none' stroke='%s' stroke-width='2' stroke-dasharray='%s' points='",
        colours[index % 6], dashes[index % 6]);
    size_t i;
    json_t *p;
    double x = LEFT;
    double y = TOP;
    json_array_foreach(cdf, i, p)
    {
        x = x_of(json_number_value(json_array_get(p, 1)));
        y = y_of(json_number_value(json_array_get(p, 0)));
        (void)fprintf(f, "%.1f,%.1f ", x, y);
    }
    double row = TOP + 10 + 22 * (double)index;
    (void)fprintf(f,
                  "'/>\n<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='%s' stroke-width='2' "
                  "stroke-dasharray='%s'/><text x='%d' y='%.1f'>%s</text>\n",
                  WIDTH - RIGHT + 15, row, WIDTH - RIGHT + 55, row, colours[index % 6],
                  dashes[index % 6], WIDTH - RIGHT + 62, row + 4, name_of(path, name, sizeof name));
}

int drive_plot(struct cli *c, struct cli_args *a)
{
    const char *out = cli_option(a, "--out");
    FILE *f = out == NULL ? NULL : fopen(out, "we");
    if (f == NULL)
        return cli_usage(c, "give --out FILE.svg and reports");
    (void)fprintf(f,
                  "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d "
                  "%d' font-family='sans-serif' font-size='13'>\n"
                  "<rect width='100%%' height='100%%' fill='white'/><text x='%d' y='22' "
                  "font-size='15'>Latency of durable answers</text>\n",
                  WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
    axes(f);
    const char *path;
    size_t n = 0;
    int status = CLI_OK;
    while (status == CLI_OK && (path = cli_next(a)) != NULL) {
        json_error_t err;
        json_t *j = json_load_file(path, 0, &err);
        if (j == NULL)
            status = cli_fail(c, CLI_INPUT, "%s:%d: %s", path, err.line, err.text);
        else
            line(f, json_object_get(json_object_get(j, "latency"), "cdf"), path, n++);
        json_decref(j);
    }
    (void)fprintf(f, "</svg>\n");
    return fclose(f) == 0 ? status : cli_fail(c, CLI_USAGE, "%s: cannot be written", out);
}
