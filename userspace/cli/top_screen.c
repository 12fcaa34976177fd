/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws the model with ncurses and follows the keys. The terminal is given back on every way out: at the end of the loop, at
 * signals that ask to stop (they end the loop), and at crashes (an async-signal-safe handler writes the few bytes itself).
 */
#include "cli/top_screen.h"

#include <errno.h>
#include <math.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/table.h"

#define HEAD_LINES 3 /* two of the host, one of titles */
#define DELAY_MIN_S 0.1
#define DELAY_MAX_S 3600.0

enum { COLOR_LOW = 1, COLOR_MIDDLE, COLOR_HIGH };

static volatile sig_atomic_t stop_signal;
static struct termios saved_terminal;
static bool has_saved_terminal;

static void on_stop(int signo)
{
	stop_signal = signo;
}

static void on_crash(int signo)
{
	static const char restore[] = "\033[?1049l\033[?25h\033[0m\r\n";
	ssize_t ignored = write(STDOUT_FILENO, restore, sizeof(restore) - 1);
	(void)ignored;
	if (has_saved_terminal)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved_terminal);
	(void)signal(signo, SIG_DFL);
	(void)raise(signo);
}

static void catch_signals(void)
{
	static const int stops[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE },
			 crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL };
	struct sigaction stop = { .sa_handler = on_stop }, crash = { .sa_handler = on_crash, .sa_flags = SA_RESETHAND };
	for (size_t i = 0; i < PLM_ARRAY_SIZE(stops); i++)
		(void)sigaction(stops[i], &stop, NULL);
	for (size_t i = 0; i < PLM_ARRAY_SIZE(crashes); i++)
		(void)sigaction(crashes[i], &crash, NULL);
}

struct screen {
	const struct plm_cli *cli;
	struct plm_top_reader *reader;
	struct plm_top_settings *set;
	struct plm_top_model model;
	size_t first; /* first row on the screen */
	bool shows_help, is_done;
	char prompt[80], typed[64]; /* a question in the last line; "" = none */
	int prompt_key;
};

/* --- drawing --- */

static void put_line(int y, const char *text, int attributes)
{
	attron(attributes);
	mvaddstr(y, 0, text);
	attroff(attributes);
}

static void draw_bar_color(const struct screen *s, int y, const struct plm_top_row *row, int width)
{
	struct plm_top_bar bar = plm_top_bar_place(&s->model, width);
	double p = row->cpu_percent;
	if (!s->set->has_color || bar.width < 3 || isnan(p))
		return;
	short color = p >= 90 ? COLOR_HIGH : p >= 60 ? COLOR_MIDDLE : COLOR_LOW;
	mvchgat(y, bar.column + 1, bar.width - 2, A_NORMAL, color, NULL);
}

static const char *const help_lines[] = {
	"q            quit",
	"1 2 3, Tab   services, tasks, cgroups",
	"s            next sort column",
	"r            reverse the order",
	"f /          filter by name; empty shows all",
	"d            seconds between updates",
	"j k, arrows  scroll; PgUp PgDn, g and G: by page, to the ends",
	"? h          this",
	"",
	"CORES   CPU use in cores, over the last interval",
	"CPU%    of the CPU the tasks reserve; in cgroups: of the host",
	"MEMORY  working set: memory in use without inactive file pages",
	"MEM%    of the memory the tasks reserve; in cgroups: of the limit or host",
	"THR%    scheduler periods in which a CPU limit stopped tasks",
	"CPUw%   time in which some task waited for a CPU; MEMw% for memory",
	"DES/R/P desired, running, pending tasks",
};

static void draw_help(void)
{
	for (size_t i = 0; i < PLM_ARRAY_SIZE(help_lines) && HEAD_LINES + (int)i < LINES - 1; i++)
		mvaddnstr(HEAD_LINES + (int)i, 2, help_lines[i], COLS > 4 ? COLS - 4 : 0);
}

static void draw_foot(const struct screen *s)
{
	char raw[PLM_TOP_LINE_MAX], text[PLM_TOP_LINE_MAX];
	if (s->prompt[0])
		(void)snprintf(raw, sizeof(raw), "%s%s", s->prompt, s->typed);
	else if (s->model.trouble[0])
		(void)plm_strcpy(raw, sizeof(raw), s->model.trouble);
	else
		(void)snprintf(raw, sizeof(raw), "by %s%s, every %g s%s%s   ? help  q quit",
			       plm_top_sort_names[s->set->sort], s->set->is_reversed ? " reversed" : "",
			       s->set->delay_s, s->set->filter[0] ? ", only " : "", s->set->filter);
	plm_text_fit(raw, COLS, false, text, sizeof(text));
	put_line(LINES - 1, text, s->prompt[0] || s->model.trouble[0] ? A_BOLD : A_DIM);
	if (s->prompt[0])
		move(LINES - 1, plm_text_width(raw) < COLS ? plm_text_width(raw) : COLS - 1);
}

static size_t body_lines(void)
{
	return LINES > HEAD_LINES + 1 ? (size_t)(LINES - HEAD_LINES - 1) : 0;
}

static void draw(struct screen *s)
{
	char text[PLM_TOP_LINE_MAX];
	size_t lines = body_lines();
	size_t last = s->model.n_rows > lines ? s->model.n_rows - lines : 0;
	if (s->first > last)
		s->first = last;
	erase();
	if (LINES < HEAD_LINES + 1 || COLS < PLM_TOP_MIN_WIDTH) {
		mvaddnstr(0, 0, "too small", COLS);
		refresh();
		return;
	}
	for (int i = 0; i < 2; i++) {
		plm_top_head(&s->model, i, COLS, text);
		put_line(i, text, i == 0 ? A_BOLD : A_NORMAL);
	}
	plm_top_titles(&s->model, COLS, text);
	put_line(2, text, A_REVERSE);
	for (int x = plm_text_width(text); x < COLS; x++)
		mvaddch(2, x, ' ' | A_REVERSE);
	if (s->shows_help)
		draw_help();
	for (size_t i = 0; !s->shows_help && i < lines && s->first + i < s->model.n_rows; i++) {
		const struct plm_top_row *row = &s->model.rows[s->first + i];
		plm_top_line(&s->model, row, COLS, text);
		put_line(HEAD_LINES + (int)i, text, A_NORMAL);
		draw_bar_color(s, HEAD_LINES + (int)i, row, COLS);
	}
	draw_foot(s);
	curs_set(s->prompt[0] ? 1 : 0);
	refresh();
}

/* --- keys --- */

static void ask(struct screen *s, int key, const char *prompt)
{
	s->prompt_key = key;
	s->typed[0] = '\0';
	(void)plm_strcpy(s->prompt, sizeof(s->prompt), prompt);
}

/* One key of an answer. Returns whether the rows must be read again. */
static bool answer(struct screen *s, int key)
{
	size_t len = strlen(s->typed);
	if (key == 27) {
		s->prompt[0] = '\0';
	} else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		if (len)
			s->typed[len - 1] = '\0';
	} else if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		double delay;
		s->prompt[0] = '\0';
		if (s->prompt_key == 'f')
			(void)plm_strcpy(s->set->filter, sizeof(s->set->filter), s->typed);
		else if (plm_parse_double(s->typed, DELAY_MIN_S, DELAY_MAX_S, &delay) == 0)
			s->set->delay_s = delay;
		else if (s->typed[0])
			(void)snprintf(s->model.trouble, sizeof(s->model.trouble), "the delay is from %g to %g seconds",
				       DELAY_MIN_S, DELAY_MAX_S);
		return s->prompt_key == 'f';
	} else if (key >= ' ' && key < 256 && key != 127 && len + 1 < sizeof(s->typed)) {
		s->typed[len] = (char)key;
		s->typed[len + 1] = '\0';
	}
	return false;
}

static void scroll_by(struct screen *s, long rows)
{
	long first = (long)s->first + rows;
	s->first = first < 0 ? 0 : (size_t)first; /* the end is known when drawing */
}

static bool show_view(struct screen *s, enum plm_top_view view)
{
	s->set->view = view;
	s->first = 0;
	return true;
}

/* Returns whether the rows must be read again. */
static bool on_key(struct screen *s, int key)
{
	if (s->prompt[0])
		return answer(s, key);
	if (s->shows_help && key != 'q') {
		s->shows_help = false;
		return false;
	}
	switch (key) {
	case 'q':
		s->is_done = true;
		return false;
	case '1':
	case '2':
	case '3':
		return show_view(s, (enum plm_top_view)(key - '1'));
	case '\t':
		return show_view(s, (enum plm_top_view)((s->set->view + 1) % _PLM_TOP_VIEW_MAX));
	case 's':
		s->set->sort = (enum plm_top_sort)((s->set->sort + 1) % _PLM_TOP_SORT_MAX);
		break;
	case 'r':
		s->set->is_reversed = !s->set->is_reversed;
		break;
	case 'f':
	case '/':
		ask(s, 'f', "filter: ");
		return false;
	case 'd':
		ask(s, 'd', "seconds between updates: ");
		return false;
	case '?':
	case 'h':
		s->shows_help = true;
		return false;
	case 'j':
	case KEY_DOWN:
		scroll_by(s, 1);
		return false;
	case 'k':
	case KEY_UP:
		scroll_by(s, -1);
		return false;
	case KEY_NPAGE:
	case ' ':
		scroll_by(s, (long)body_lines());
		return false;
	case KEY_PPAGE:
		scroll_by(s, -(long)body_lines());
		return false;
	case 'g':
	case KEY_HOME:
		s->first = 0;
		return false;
	case 'G':
	case KEY_END:
		s->first = PLM_TOP_MAX_ROWS;
		return false;
	default:
		return false;
	}
	plm_top_arrange(&s->model, NULL, s->set->sort, s->set->is_reversed);
	return false;
}

/* --- the loop --- */

static void update(struct screen *s)
{
	s->model.view = s->set->view;
	plm_top_read(s->reader, &s->model);
	plm_top_arrange(&s->model, s->set->filter, s->set->sort, s->set->is_reversed);
}

static void run(struct screen *s)
{
	uint64_t updates = 0;
	plm_ns next = 0;
	while (!s->is_done && !stop_signal) {
		plm_ns now = plm_clock_mono();
		if (now >= next) {
			bool is_first = plm_top_reader_is_first(s->reader, s->set->view);
			update(s);
			/* The first reading of counters shows no rates: do not let the user wait for the second. */
			next = plm_clock_mono() +
			       (plm_ns)((is_first ? fmin(0.3, s->set->delay_s) : s->set->delay_s) * 1e9);
			if (!is_first && s->set->max_updates && updates++ >= s->set->max_updates)
				break;
		}
		draw(s);
		plm_ns wait = (next - plm_clock_mono()) / PLM_NS_PER_MS;
		timeout(wait < 1 ? 1 : wait > 250 ? 250 : (int)wait); /* signals are seen within that time */
		int key = getch();
		if (key != ERR && on_key(s, key))
			next = 0;
	}
}

int plm_top_screen(const struct plm_cli *cli, struct plm_top_reader *reader, struct plm_top_settings *settings)
{
	struct screen s = { .cli = cli, .reader = reader, .set = settings };
	has_saved_terminal = tcgetattr(STDIN_FILENO, &saved_terminal) == 0;
	SCREEN *terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		const char *term = getenv("TERM");
		plm_cli_say(cli, "the terminal \"%s\" is not known; set TERM, or use --batch", term ? term : "");
		return PLM_EXIT_FAILED;
	}
	catch_signals();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	if (settings->has_color && has_colors()) {
		start_color();
		use_default_colors();
		init_pair(COLOR_LOW, COLOR_GREEN, -1);
		init_pair(COLOR_MIDDLE, COLOR_YELLOW, -1);
		init_pair(COLOR_HIGH, COLOR_RED, -1);
	} else {
		settings->has_color = false;
	}
	run(&s);
	endwin();
	delscreen(terminal);
	plm_top_model_done(&s.model);
	if (stop_signal) { /* end as the sender expects */
		(void)signal(stop_signal, SIG_DFL);
		(void)raise(stop_signal);
	}
	return PLM_EXIT_OK;
}
