#include "utc.h"

#define DAY 86400
#define DAYS_OF_400_YEARS 146097

void vxe_utc(int64_t seconds, struct tm *tm)
{
	int64_t day = seconds / DAY, rest = seconds % DAY, era, year;
	int of_era, of_year, month;

	if (rest < 0) {
		rest += DAY;
		day--;
	}
	/* Years that begin in March end with the day that some of them have more; every 400 of them are alike. */
	day += 719468; /* from 1 March of the year 0 to 1 January 1970 */
	era = (day >= 0 ? day : day - (DAYS_OF_400_YEARS - 1)) / DAYS_OF_400_YEARS;
	of_era = (int)(day - era * DAYS_OF_400_YEARS);
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_OF_400_YEARS - 1)) / 365;
	of_year = of_era - (int)(365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	*tm = (struct tm){
		.tm_year = (int)(era * 400 + year + (month >= 10)) - 1900,
		.tm_mon = (month + 2) % 12,
		.tm_mday = of_year - (153 * month + 2) / 5 + 1,
		.tm_hour = (int)(rest / 3600),
		.tm_min = (int)(rest / 60 % 60),
		.tm_sec = (int)(rest % 60),
	};
}
